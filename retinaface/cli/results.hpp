// How detect writes its results: a table for people, JSON, JSON lines, CSV, WIDER text.
// docs/command-line.md specifies each. The same results give the same bytes on every machine; only
// the object "run" differs between runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "retinaface/detector.hpp"
#include "retinaface/pipeline.hpp"

namespace rf::cli {

// What detect found in one image, or why it could not.
struct ImageResult {
  std::string path;
  ImageSize size;  // upright
  std::vector<Face> faces;
  StageTimes times;
  std::string error;  // not empty: the image failed
};

// What the results depend on, then how they came about: the object "run".
struct ResultContext {
  std::string model_name, model_sha256, model_licence;
  float score = 0, nms = 0;  // in force, whoever chose them
  std::string size;

  bool exif = true;
  std::string version, isa, threads_source;
  int threads = 1;
};

enum class ResultFormat { none, table, csv, json, jsonl };

// `value` with `decimals` digits after the point, independent of the locale, never "-0.000".
// Requires a finite value.
[[nodiscard]] std::string fixed(double value, int decimals);

// The shortest text that reads back as the same float: 0.4, not 0.4000000059604645. Requires a
// finite value.
[[nodiscard]] std::string shortest(float value);

// `text` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json_string(const std::string& text);

// The objects "model" and "options".
[[nodiscard]] std::string json_model(const ResultContext& context);
[[nodiscard]] std::string json_options(const ResultContext& context);

// Whether every number of `face` is finite.
[[nodiscard]] bool is_finite(const Face& face);
// Throws ModelError unless that holds for all: nothing is to be read or written of such faces.
void require_finite(const std::vector<Face>& faces);

// One image as the members of a JSON object, without its braces.
[[nodiscard]] std::string json_members(const ImageResult& result);

// Names of the columns, and one row per face; RFC 4180, lines end in \n.
[[nodiscard]] std::string csv_header();
[[nodiscard]] std::string csv_rows(const ImageResult& result);

// A detection file of the WIDER FACE benchmark: `name`, the number of faces, then x y w h score.
[[nodiscard]] std::string wider_text(const std::string& name, const std::vector<Face>& faces);

[[nodiscard]] std::string table_text(const ImageResult& result);

// Writes the results of one run to stdout in one format; throws FileError when stdout cannot be
// written.
class ResultWriter {
 public:
  virtual ~ResultWriter() = default;
  virtual void begin() {}
  virtual void add(const ImageResult& result) = 0;
  virtual void end() {}
};

// `context` must outlive the writer.
[[nodiscard]] std::unique_ptr<ResultWriter> make_result_writer(ResultFormat format,
                                                               const ResultContext& context);

}  // namespace rf::cli
