#include "retinaface/cli/mesh_results.hpp"

#include "engine/check.hpp"

namespace rf::cli {

namespace {

constexpr const char* kSchema = "retinaface-meshes/1";
constexpr int kDecimals = 3;  // of pixels and centimetres, as boxes have

std::string place(double value) { return fixed(value, kDecimals); }

// "[a,b,..]" of what `text` makes of each.
template <class Row, class Text>
std::string list(const Row& row, Text&& text) {
  std::string all = "[";
  for (const auto& value : row) {
    if (all.size() > 1) all += ',';
    all += text(value);
  }
  return all + "]";
}

std::string exact_numbers(const Tensor& row) { return list(row.span<float>(), shortest); }

std::string integers(std::span<const Index> row) {
  return list(row, [](Index i) { return std::to_string(i); });
}

// The first `numbers` of x, y, depth.
std::string point(const DenseFace& mesh, Index vertex, Index numbers) {
  const std::span<const float> row = mesh.points.span<float>();
  return list(row.subspan(static_cast<std::size_t>(3 * vertex), static_cast<std::size_t>(numbers)),
              [](float value) { return place(static_cast<double>(value)); });
}

std::string face_json(const Face& face, const DenseFace& mesh, std::span<const Index> landmarks68) {
  const std::array<float, 4> box{face.x1, face.y1, face.x2, face.y2};
  std::string vertices;
  for (Index v = 0; v < mesh.points.shape()[0]; ++v)
    vertices += (v > 0 ? "," : "") + point(mesh, v, 3);
  const SquareCrop& square = mesh.square;
  return message(
      "{\"box\":", list(box, [](float x) { return place(static_cast<double>(x)); }),
      ",\"score\":", fixed(static_cast<double>(face.score), 6), ",\"square\":[", place(square.x),
      ",", place(square.y), ",", place(square.side), "],\"camera\":", exact_numbers(mesh.camera),
      ",\"light\":", exact_numbers(mesh.light),
      ",\"landmarks68\":", list(landmarks68, [&](Index vertex) { return point(mesh, vertex, 2); }),
      ",\"vertices\":[", vertices, "]}");
}

}  // namespace

std::string mesh_json(const ImageResult& result, std::span<const DenseFace> meshes,
                      std::span<const Index> landmarks68) {
  std::string text = "{\"path\":" + json_string(result.path);
  if (!result.error.empty()) return text + ",\"error\":" + json_string(result.error) + "}";
  RF_ASSERT(meshes.size() == result.faces.size());
  text +=
      message(",\"width\":", result.size.width, ",\"height\":", result.size.height, ",\"faces\":[");
  for (std::size_t i = 0; i < meshes.size(); ++i)
    text += (i > 0 ? ",\n" : "\n") + face_json(result.faces[i], meshes[i], landmarks68);
  return text + "]}";
}

MeshResults::MeshResults(const std::string& path, IfExists if_exists, const DenseModel& dense,
                         const ResultContext& context)
    : file_(path, if_exists) {
  const auto corners = [](const std::array<Index, 3>& triangle) { return integers(triangle); };
  file_.write(message(
      "{\"schema\":\"", kSchema, "\",\n\"model\":", json_model(context),
      ",\n\"dense\":{\"sha256\":", json_string(dense.sha256),
      ",\"licence\":", json_string(dense.licence), "},\n\"options\":", json_options(context),
      ",\n\"landmark_vertices\":", integers(dense.landmarks68),
      ",\n\"triangles\":", list(dense.levels.back().triangles, corners), ",\n\"images\":["));
}

void MeshResults::add(const std::string& picture) {
  file_.write((first_ ? "\n" : ",\n") + picture);
  first_ = false;
}

void MeshResults::finish() {
  file_.write("]}\n");
  file_.commit();
}

}  // namespace rf::cli
