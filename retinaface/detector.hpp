// Find faces in an image: the whole interface that a program needs. Link retinaface::retinaface,
// include this.
//
//   rf::Detector detector;
//   for (const rf::Face& face : detector.detect_file("photo.jpg")) std::cout << face.score << '\n';
//
// Errors are exceptions derived from std::runtime_error whose what() is one line for people.
// Thread-safety: detect() is const and may run on several threads at once.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rf {

struct Point {
  float x, y;
};

// One face, in pixels of the image that was given: x to the right, y down, (0, 0) the upper left
// corner of the upper left pixel. Boxes may reach outside the image. The landmarks, as the viewer
// sees them: left eye, right eye, nose tip, left mouth corner, right mouth corner (the person's own
// right eye comes first).
struct Face {
  float x1, y1, x2, y2;
  float score;  // probability of a face, 0 to 1
  std::array<Point, 5> landmarks;
};

// Pixels that somebody else owns: 8-bit red, green, blue, interleaved, row by row from the top.
struct ImageView {
  const unsigned char* rgb = nullptr;
  int width = 0, height = 0;
  std::ptrdiff_t row_bytes = 0;  // from one row to the next; 0 means 3 * width
};

struct DetectorOptions {
  float score = 0.5F;        // faces above this score are reported
  std::optional<float> nms;  // of two boxes that overlap by more (intersection / union) the better
                             // stays; empty: what the model file says (0.4 in the public ones)
  std::string size = "original";  // "original", "long:N", "short:N", "short:N:MAX", "scale:F" or
                                  // "WxH": docs/sizes.md
};

class Detector {
 public:
  // The model that is part of the library. Throws when it was built without one, or when an option
  // makes no sense.
  explicit Detector(const DetectorOptions& options = {});

  // Reads a model: our safetensors file, or a public file that holds this network (PyTorch .pth,
  // MXNet .params). Throws when it cannot, or when an option makes no sense.
  explicit Detector(const std::string& model_path, const DetectorOptions& options = {});
  ~Detector();
  Detector(Detector&&) noexcept;
  Detector& operator=(Detector&&) noexcept;

  // Faces by falling score. Throws when the image is empty or memory is short.
  [[nodiscard]] std::vector<Face> detect(const ImageView& image) const;

  // The same for a JPEG, PNG, BMP or PPM file, turned upright by its EXIF orientation.
  [[nodiscard]] std::vector<Face> detect_file(const std::string& path) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rf
