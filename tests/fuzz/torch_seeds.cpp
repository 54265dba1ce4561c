#include "tests/fuzz/torch_seeds.hpp"

#include "engine/file.hpp"
#include "tests/weights/file_writers.hpp"

namespace rf::test {

void make_torch_seeds(const std::string& folder) {
  const auto write = [&](const char* name, const std::string& bytes) {
    write_file(folder + "/" + name, bytes, IfExists::refuse);
  };
  const StateDict tensors{{"module.a", Tensor::zeros({2, 2})}, {"module.b", Tensor::zeros({})}};
  write("legacy", torch_legacy(tensors));
  write("zip", torch_zip(tensors));
  write("zip_types", torch_zip({{"f64", Tensor::zeros({2}, DType::f64)},
                                {"i64", Tensor::zeros({1}, DType::i64)},
                                {"u8", Tensor::zeros({3}, DType::u8)}}));
  const TorchTensor transposed{"HalfStorage", "0", 6, 0, {2, 3}, {1, 2}};
  write("checkpoint",
        torch_legacy(pickled_dict({{pickled("epoch"), pickled(3)},
                                   {pickled("state_dict"),
                                    pickled_dict({{pickled("t"), transposed.pickle()}})}}),
                     {{"0", std::string(12, 'x')}}, 2));
  write("pickle", "\x80\x04\x95" + le<std::uint64_t>(20) + "](K\x01M\x02\x03\x88\x89NG" + le(1.5) +
                      "\x8c\x01"
                      "a\x94"
                      "e}(U\x01"
                      "bS'c'\nuq\x01"
                      "h\x01\x86.");
}

}  // namespace rf::test
