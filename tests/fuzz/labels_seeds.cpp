#include "tests/fuzz/labels_seeds.hpp"

#include "engine/file.hpp"

void make_labels_seeds(const std::string& folder) {
  rf::write_file(folder + "/labels.txt",
                 "# a/b.jpg\n10 10 6 8 11 12 0 14 12 0 12 14 0 11 16 0 14 16 0\n1 2 3.5 4e1\n"
                 "5 5 2 2 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 0.5\n# c.png\n",
                 rf::IfExists::replace);
}
