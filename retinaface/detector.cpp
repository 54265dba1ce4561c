#include "retinaface/detector.hpp"

#include <utility>

#include "engine/check.hpp"
#include "retinaface/pipeline.hpp"

namespace rf {

struct Detector::Impl {
  Impl(LoadedModel model, const DetectorOptions& options) : pipeline(std::move(model), options) {}
  Pipeline pipeline;
};

Detector::Detector(const DetectorOptions& options)
    : impl_(std::make_unique<Impl>(load_embedded_model(), options)) {}

Detector::Detector(const std::string& model_path, const DetectorOptions& options)
    : impl_(std::make_unique<Impl>(load_model(model_path), options)) {}

Detector::~Detector() = default;
Detector::Detector(Detector&&) noexcept = default;
Detector& Detector::operator=(Detector&&) noexcept = default;

std::vector<Face> Detector::detect(const ImageView& view) const {
  const std::ptrdiff_t row_bytes =
      view.row_bytes != 0 ? view.row_bytes : std::ptrdiff_t{3} * view.width;
  RF_CHECK_SHAPE(view.rgb && view.width >= 1 && view.height >= 1, "detect", "an image of ",
                 view.width, "x", view.height, " has no pixels");
  Image image{view.width, view.height, {}};
  image.rgb.reserve(static_cast<std::size_t>(checked_mul(checked_mul(view.width, view.height), 3)));
  for (int row = 0; row < view.height; ++row) {
    const unsigned char* line = view.rgb + row * row_bytes;
    image.rgb.insert(image.rgb.end(), line, line + std::ptrdiff_t{3} * view.width);
  }
  return impl_->pipeline.detect(image);
}

std::vector<Face> Detector::detect_file(const std::string& path) const {
  return impl_->pipeline.detect(read_image(path));
}

}  // namespace rf
