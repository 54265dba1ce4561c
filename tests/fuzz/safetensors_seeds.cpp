#include "tests/fuzz/safetensors_seeds.hpp"

#include "tests/weights/file_writers.hpp"
#include "weights/model_file.hpp"
#include "weights/safetensors.hpp"

namespace rf::test {

void make_safetensors_seeds(const std::string& folder) {
  const auto write = [&](const char* name, const StateDict& tensors,
                         const std::map<std::string, std::string>& metadata) {
    write_safetensors(folder + "/" + name, tensors, metadata, IfExists::refuse);
  };
  write("empty", {}, {});
  write("one", {{"a", Tensor::zeros({2, 3})}}, {{"key", "value"}});
  write("types",
        {{"f64", Tensor::zeros({2}, DType::f64)},
         {"i64", Tensor::zeros({1, 1}, DType::i64)},
         {"i32", Tensor::zeros({3}, DType::i32)},
         {"i8", Tensor::zeros({}, DType::i8)},
         {"u8", Tensor::zeros({0, 5}, DType::u8)}},
        {});
  const ModelFile model{
      .format = {},
      .description = R"({"schema":"retinaface-model/1","name":"seed","sha256":""})",
      .tensors = {{"a", Tensor::zeros({2})}},
      .sha256 = {}};
  write_model(folder + "/model", model, IfExists::refuse);
  // Half precision, which our writer does not write.
  const std::string header = R"({"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},)"
                             R"("b":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]}})";
  write_file(folder + "/half", le<std::uint64_t>(header.size()) + header + "abcdef",
             IfExists::refuse);
}

}  // namespace rf::test
