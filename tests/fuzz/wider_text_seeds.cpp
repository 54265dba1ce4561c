#include "tests/fuzz/wider_text_seeds.hpp"

#include "engine/file.hpp"

void make_wider_text_seeds(const std::string& folder) {
  const auto write = [&folder](const char* name, const std::string& text) {
    rf::write_file(folder + "/" + name, text, rf::IfExists::replace);
  };
  write("detections.txt", "b\n3\n0 0 9 9 0.75 \n1.5 2.25 3e1 4 1e-3\n5 5 0 0 0.02\n");
  write("no_detections.txt", "b\n0\n");
  write("ground_truth.txt",
        "0--A/p.jpg\n2\n1 2 3 4 0 0 0 0 0 0 \n10 20 30 40 2 0 0 1 2 0 \n"
        "0--A/q.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n1--B/r.jpg\n1\n5 6 7 8\n");
  write("list.txt", "0--A/p.jpg\r\n\n1--B/r\n");
}
