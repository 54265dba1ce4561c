#include "tests/fuzz/npy_seeds.hpp"

#include "engine/file.hpp"
#include "tests/weights/file_writers.hpp"

namespace rf::test {

void make_npy_seeds(const std::string& folder) {
  const auto write = [&](const char* name, const std::string& bytes) {
    write_file(folder + "/" + name, bytes, IfExists::refuse);
  };
  write("matrix", npy(Tensor::zeros({2, 3})));
  write("scalar", npy(Tensor::zeros({}, DType::f64)));
  write("integers", npy(Tensor::zeros({4}, DType::i32)));
  write("bytes", npy(Tensor::zeros({1, 1, 5}, DType::u8)));
  write("other_order",
        npy_head("{'shape':(1,),'descr':'<i8','fortran_order':False}") + std::string(8, 'x'));
}

}  // namespace rf::test
