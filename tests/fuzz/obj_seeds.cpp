#include "tests/fuzz/obj_seeds.hpp"

#include "engine/file.hpp"

void make_obj_seeds(const std::string& folder) {
  rf::write_file(
      folder + "/corners.obj",
      "# a pyramid\r\nv 0 0 0 1 0.5 0\nv +1 0 0 0 0 0\nv 1 1e0 0 1 1 1\nv 0 1. 0 0 0 .1\n"
      "v .5 .5 1 0 0 1\nvn 0 0 1\nvt 0 0\ng side\nf 1 4 3 2\nf 1/1 2/1 5/1\n"
      "f 2//1 3//1 -1//1\nf 3/1/1 4/1/1 \\\n5/1/1\nf -2 -5 -1\n",
      rf::IfExists::replace);
  std::string grid;
  for (int i = 0; i < 16; ++i)
    grid += "v " + std::to_string(i % 4) + " " + std::to_string(i / 4) + " 0\n";
  for (int i = 0; i < 11; ++i) {
    if (i % 4 < 3)
      grid += "f " + std::to_string(i + 1) + " " + std::to_string(i + 2) + " " +
              std::to_string(i + 6) + " " + std::to_string(i + 5) + "\n";
  }
  rf::write_file(folder + "/grid.obj", grid, rf::IfExists::replace);
}
