#include "tests/fuzz/mat_seeds.hpp"

#include "engine/file.hpp"
#include "tests/mat_writer.hpp"

void make_mat_seeds(const std::string& folder) {
  namespace mat = rf::test::mat;
  const auto write = [&folder](const char* name, const std::vector<std::string>& variables) {
    rf::write_file(folder + "/" + name, mat::file(variables), rf::IfExists::replace);
  };
  const std::string nested = mat::cells(
      "face_bbx_list",
      {mat::cells("", {mat::numbers("", 1, 4, {1, 2, 3, 4}), mat::numbers("", 0, 0, {})})});
  write("empty.mat", {});
  write("numbers.mat", {mat::numbers("boxes", 2, 4, {1, 10, 2, 20, 3, 30, 4, 40}),
                        mat::array(9, {1, 3}, "bytes", mat::small_element(2, "\1\2\3"))});
  write("text.mat", {mat::text("event", "0--Parade"),
                     mat::array(4, {1, 2}, "utf8", mat::small_element(16, "\xC3\xA4z"))});
  write("cells.mat", {nested, mat::array(2, {1, 1}, "structure", "")});
  write("compressed.mat", {mat::compressed(mat::zlib_stored(nested)),
                           mat::compressed(mat::zlib_stored(mat::text("t", "aaaaaaaaaaaaaaaa")))});
}
