#include "tests/fuzz/mxnet_seeds.hpp"

#include "engine/file.hpp"
#include "tests/weights/file_writers.hpp"

namespace rf::test {

void make_mxnet_seeds(const std::string& folder) {
  const auto write = [&](const char* name, const std::string& bytes) {
    write_file(folder + "/" + name, bytes, IfExists::refuse);
  };
  write("empty", mxnet(StateDict{}));
  write("two", mxnet({{"arg:a", Tensor::zeros({2, 2})}, {"aux:b", Tensor::zeros({3})}}));
  write("types", mxnet({{"f64", Tensor::zeros({2}, DType::f64)},
                        {"i64", Tensor::zeros({1}, DType::i64)},
                        {"i32", Tensor::zeros({1}, DType::i32)},
                        {"u8", Tensor::zeros({3}, DType::u8)},
                        {"i8", Tensor::zeros({1}, DType::i8)}}));
  MxnetArray scalar;
  scalar.magic = 0xF993FACA;
  scalar.element_type = 2;
  scalar.elements = "ab";
  write("half_scalar", mxnet({{"s", scalar}}));
}

}  // namespace rf::test
