#include <cstdio>
#include <exception>

#include "retinaface/detector.hpp"

int main(int argc, char** argv) try {
  if (argc != 2 && argc != 3) return std::fprintf(stderr, "usage: faces PHOTO [MODEL]\n"), 2;
  const rf::Detector detector = argc == 3 ? rf::Detector(argv[2]) : rf::Detector();
  for (const rf::Face& face : detector.detect_file(argv[1])) {
    std::printf("%.3f at %.1f %.1f %.1f %.1f\n", face.score, face.x1, face.y1, face.x2, face.y2);
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
