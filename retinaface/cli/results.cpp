#include "retinaface/cli/results.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/check.hpp"
#include "retinaface/cli/terminal.hpp"

namespace rf::cli {

namespace {

constexpr const char* kSchema = "retinaface-detections/1";
constexpr int kPixelDecimals = 3, kScoreDecimals = 6;

// As the viewer sees them, in the order of Face::landmarks.
constexpr std::array<const char*, 5> kLandmarkNames{"image_left_eye", "image_right_eye", "nose_tip",
                                                    "image_left_mouth_corner",
                                                    "image_right_mouth_corner"};

std::string pixels(float value) { return fixed(static_cast<double>(value), kPixelDecimals); }
std::string probability(float value) { return fixed(static_cast<double>(value), kScoreDecimals); }

bool reaches_outside(const Face& face, ImageSize size) {
  return face.x1 < 0 || face.y1 < 0 || face.x2 > static_cast<float>(size.width) ||
         face.y2 > static_cast<float>(size.height);
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c;
    if (c == '"') quoted += '"';
  }
  return quoted + '"';
}

std::string json_face(const Face& face, ImageSize size) {
  std::string text = "{\"box\":[" + pixels(face.x1) + "," + pixels(face.y1) + "," +
                     pixels(face.x2) + "," + pixels(face.y2) +
                     "],\"score\":" + probability(face.score) + ",\"landmarks\":{";
  for (std::size_t i = 0; i < kLandmarkNames.size(); ++i) {
    const Point& point = face.landmarks[i];
    text += message(i ? "," : "", '"', kLandmarkNames[i], "\":[", pixels(point.x), ",",
                    pixels(point.y), "]");
  }
  return text + "},\"clipped\":" + (reaches_outside(face, size) ? "true}" : "false}");
}

std::string json_run(const ResultContext& context, const StageTimes& times) {
  return message("{\"tool\":", json_string("retinaface " + context.version),
                 ",\"isa\":", json_string(context.isa), ",\"threads\":", context.threads,
                 ",\"threads_from\":", json_string(context.threads_source),
                 ",\"exif_applied\":", context.exif ? "true" : "false",
                 ",\"times_ms\":{\"decode\":", fixed(times.decode, 3),
                 ",\"resize\":", fixed(times.resize, 3), ",\"network\":", fixed(times.network, 3),
                 ",\"post\":", fixed(times.post, 3), "}}");
}

class NoWriter final : public ResultWriter {
 public:
  void add(const ImageResult&) override {}
};

class TableWriter final : public ResultWriter {
 public:
  void add(const ImageResult& result) override { print(table_text(result)); }
  void end() override { flush_results(); }
};

class CsvWriter final : public ResultWriter {
 public:
  void begin() override { print(csv_header()); }
  void add(const ImageResult& result) override { print(csv_rows(result)); }
  void end() override { flush_results(); }
};

// One object. Each image stands on a line of its own, so that two files can be compared line by
// line; "run" is last.
class JsonWriter final : public ResultWriter {
 public:
  explicit JsonWriter(const ResultContext& context) : context_(context) {}
  void begin() override {
    print(message("{\"schema\":\"", kSchema, "\",\n\"model\":", json_model(context_),
                  ",\n\"options\":", json_options(context_), ",\n\"images\":["));
  }
  void add(const ImageResult& result) override {
    print((first_ ? "\n{" : ",\n{") + json_members(result) + "}");
    first_ = false;
    times_.decode += result.times.decode;
    times_.resize += result.times.resize;
    times_.network += result.times.network;
    times_.post += result.times.post;
  }
  void end() override {
    print(message(first_ ? "" : "\n", "],\n\"run\":", json_run(context_, times_), "}\n"));
    flush_results();
  }

 private:
  const ResultContext& context_;
  bool first_ = true;
  StageTimes times_;
};

// An object per line, complete in itself and flushed, for programs that read along.
class JsonLinesWriter final : public ResultWriter {
 public:
  explicit JsonLinesWriter(const ResultContext& context) : context_(context) {}
  void add(const ImageResult& result) override {
    print(message("{\"schema\":\"", kSchema, "\",\"model\":", json_model(context_),
                  ",\"options\":", json_options(context_), ",", json_members(result),
                  ",\"run\":", json_run(context_, result.times), "}\n"));
    flush_results();
  }

 private:
  const ResultContext& context_;
};

}  // namespace

std::string fixed(double value, int decimals) {
  RF_ASSERT(std::isfinite(value));
  std::array<char, 400> text;  // the largest double has 309 digits
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value,
                                          std::chars_format::fixed, decimals);
  RF_ASSERT(error == std::errc());
  std::string result(text.data(), end);
  if (result.starts_with('-') && result.find_first_of("123456789") == std::string::npos)
    result.erase(0, 1);
  return result;
}

std::string shortest(float value) {
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  RF_ASSERT(error == std::errc());
  return {text.data(), end};
}

std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_model(const ResultContext& context) {
  return "{\"name\":" + json_string(context.model_name) +
         ",\"sha256\":" + json_string(context.model_sha256) +
         ",\"licence\":" + json_string(context.model_licence) + "}";
}

std::string json_options(const ResultContext& context) {
  return "{\"score\":" + shortest(context.score) + ",\"nms\":" + shortest(context.nms) +
         ",\"size\":" + json_string(context.size) + "}";
}

bool is_finite(const Face& face) {
  bool finite = std::isfinite(face.x1) && std::isfinite(face.y1) && std::isfinite(face.x2) &&
                std::isfinite(face.y2) && std::isfinite(face.score);
  for (const Point& point : face.landmarks)
    finite = finite && std::isfinite(point.x) && std::isfinite(point.y);
  return finite;
}

void require_finite(const std::vector<Face>& faces) {
  if (!std::ranges::all_of(faces, is_finite))
    throw ModelError("the model gives boxes that are not finite numbers; is the file damaged?");
}

std::string json_members(const ImageResult& result) {
  const std::string path = "\"path\":" + json_string(result.path);
  if (!result.error.empty()) return path + ",\"error\":" + json_string(result.error);
  std::string text = message(path, ",\"width\":", result.size.width,
                             ",\"height\":", result.size.height, ",\"faces\":[");
  for (std::size_t i = 0; i < result.faces.size(); ++i) {
    text += (i ? "," : "") + json_face(result.faces[i], result.size);
  }
  return text + "]";
}

std::string csv_header() {
  std::string text = "path,x1,y1,x2,y2,score";
  for (const char* name : kLandmarkNames) text += message(",", name, "_x,", name, "_y");
  return text + "\n";
}

std::string csv_rows(const ImageResult& result) {
  std::string text;
  for (const Face& face : result.faces) {
    text += csv_field(result.path) + "," + pixels(face.x1) + "," + pixels(face.y1) + "," +
            pixels(face.x2) + "," + pixels(face.y2) + "," + probability(face.score);
    for (const Point& point : face.landmarks) text += "," + pixels(point.x) + "," + pixels(point.y);
    text += "\n";
  }
  return text;
}

std::string wider_text(const std::string& name, const std::vector<Face>& faces) {
  std::string text = message(name, "\n", faces.size(), "\n");
  for (const Face& face : faces) {
    text += pixels(face.x1) + " " + pixels(face.y1) + " " + pixels(face.x2 - face.x1) + " " +
            pixels(face.y2 - face.y1) + " " + probability(face.score) + "\n";
  }
  return text;
}

std::string table_text(const ImageResult& result) {
  if (!result.error.empty()) return "";  // stderr has it
  const std::size_t count = result.faces.size();
  std::string text = message(one_line(result.path), ": ", count == 0 ? "no" : std::to_string(count),
                             count == 1 ? " face" : " faces", " (", result.size.width, "x",
                             result.size.height, ")\n");
  if (count > 0) text += "        x1        y1        x2        y2   score\n";
  for (const Face& face : result.faces) {
    for (const float value : {face.x1, face.y1, face.x2, face.y2}) {
      const std::string number = fixed(static_cast<double>(value), 1);
      text += " " + std::string(10 - std::min<std::size_t>(10, number.size() + 1), ' ') + number;
    }
    text += "   " + fixed(static_cast<double>(face.score), 3) + "\n";
  }
  return text;
}

std::unique_ptr<ResultWriter> make_result_writer(ResultFormat format,
                                                 const ResultContext& context) {
  switch (format) {
    case ResultFormat::none: return std::make_unique<NoWriter>();
    case ResultFormat::table: return std::make_unique<TableWriter>();
    case ResultFormat::csv: return std::make_unique<CsvWriter>();
    case ResultFormat::json: return std::make_unique<JsonWriter>(context);
    case ResultFormat::jsonl: return std::make_unique<JsonLinesWriter>(context);
  }
  RF_ASSERT(false && "a format that has no writer");
  return nullptr;
}

}  // namespace rf::cli
