#include "retinaface/cli/synth_files.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/check.hpp"
#include "retinaface/cli/results.hpp"

namespace rf::cli {

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw FileError(message(folder.string(), ": cannot make this folder: ", error.message()));
}

// The double whose shortest text is that of the float.
double shortest(float value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  double read = 0;
  std::from_chars(text.data(), end, read);
  return read;
}

double pixels(float value) { return std::round(static_cast<double>(value) * 1000) / 1000; }

Json numbers(const Tensor& tensor) {
  Json list = Json::array();
  for (const float value : tensor.span<float>()) list.push_back(shortest(value));
  return list;
}

Json face_json(const SyntheticFace& face, const FaceModel& model) {
  Json landmarks = Json::array(), points = Json::array();
  for (const Point& p : face.landmarks) landmarks.push_back({pixels(p.x), pixels(p.y)});
  const float* point = face.points.data<float>();
  for (const Index v : model.landmarks68)
    points.push_back({pixels(point[2 * v]), pixels(point[2 * v + 1])});
  const Box& b = face.box;
  return {{"box", {pixels(b.x1), pixels(b.y1), pixels(b.x2), pixels(b.y2)}},
          {"landmarks", landmarks},
          {"visible", face.visible},
          {"crop", {face.crop.x, face.crop.y, face.crop.side}},
          {"camera", numbers(face.camera)},
          {"light", numbers(face.light)},
          {"identity", numbers(face.parameters.identity)},
          {"expression", numbers(face.parameters.expression)},
          {"albedo", numbers(face.parameters.albedo)},
          {"points68", points}};
}

}  // namespace

void prepare(const SynthFolder& folder) {
  const fs::path out(folder.path), images = out / "images", meshes = out / "meshes";
  if (folder.path.empty()) throw UsageError("OUT: the name of a folder is needed");
  std::error_code error;  // what cannot be looked at is told when it is opened
  for (const std::string& input : folder.inputs) {
    for (const fs::path& written : {out, images, meshes}) {
      if (fs::equivalent(written, input, error))
        throw UsageError(message(input, ": is an input, and nothing is written to inputs"));
    }
  }
  if (fs::exists(out, error) && !fs::is_directory(out, error))
    throw FileError(message(folder.path, ": exists, and is not a folder"));
  if (!folder.overwrite && fs::is_directory(out, error) && !fs::is_empty(out, error)) {
    throw FileError(message(folder.path,
                            ": exists already, with files in it; --overwrite replaces those of "
                            "the same names"));
  }
  make_folder(images);
  if (folder.meshes) make_folder(meshes);
  fs::remove(out / "label.txt", error);
  if (error)
    throw FileError(
        message((out / "label.txt").string(), ": cannot be removed: ", error.message()));
}

std::string picture_name(Index index, Index count, const std::string& extension) {
  const std::string number = std::to_string(index);
  const std::size_t width = std::max<std::size_t>(6, std::to_string(count - 1).size());
  return std::string(width - number.size(), '0') + number + "." + extension;
}

std::string label_lines(const std::string& name, const SyntheticPicture& picture) {
  const auto text = [](float value) { return fixed(static_cast<double>(value), 3); };
  std::string lines = "# " + name + "\n";
  for (const SyntheticFace& face : picture.faces) {
    const Box& b = face.box;
    lines += text(b.x1) + " " + text(b.y1) + " " + text(b.x2 - b.x1) + " " + text(b.y2 - b.y1);
    for (std::size_t i = 0; i < face.landmarks.size(); ++i) {
      lines += " " + text(face.landmarks[i].x) + " " + text(face.landmarks[i].y) +
               (face.visible[i] ? " 0" : " 1");
    }
    lines += "\n";
  }
  return lines;
}

std::string picture_json(const std::string& name, const SyntheticPicture& picture,
                         const FaceModel& model) {
  Json faces = Json::array();
  for (const SyntheticFace& face : picture.faces) faces.push_back(face_json(face, model));
  return Json{{"path", name}, {"faces", faces}}.dump();
}

std::string json_beginning(const SyntheticOptions& options, const FaceModel& model,
                           const std::string& face_model) {
  const auto modes = [](const Tensor& t) { return t.shape()[0]; };
  const Json about{{"schema", "retinaface-synth/1"},
                   {"seed", options.seed},
                   {"width", options.width},
                   {"height", options.height},
                   {"face_model",
                    {{"name", face_model},
                     {"vertices", model.neutral.shape()[0]},
                     {"identities", modes(model.identity)},
                     {"expressions", modes(model.expression)},
                     {"albedos", modes(model.albedo_modes)}}}};
  std::string text = about.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.pop_back();  // the brace: pictures follow
  return text + ",\"pictures\":[";
}

std::string json_end() { return "\n]}\n"; }

}  // namespace rf::cli
