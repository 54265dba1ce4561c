// The files that detect writes: drawn pictures, crops of faces, WIDER text.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/file.hpp"
#include "engine/image.hpp"
#include "retinaface/detector.hpp"

namespace rf::cli {

struct OutputOptions {
  std::string draw;   // a file with an image extension, or a folder; empty: none
  std::string crops;  // a folder; empty: none
  std::string wider;  // a folder; empty: none
  Index align = 0;    // side of aligned crops; 0: upright crops with a margin
  IfExists if_exists = IfExists::refuse;
  bool quiet = false;
};

class OutputFiles {
 public:
  // Makes the folders. Throws FileError when one cannot be made, UsageError when --draw names one
  // file although there can be several inputs.
  OutputFiles(const OutputOptions& options, bool one_input);

  [[nodiscard]] bool any() const {
    return !options_.draw.empty() || !options_.crops.empty() || !options_.wider.empty();
  }

  // A file that must never be written, --overwrite or not: an input.
  void protect(const std::string& path);

  // Writes what was asked for one input, and says every path on stderr. False when a file could not
  // be written (said too); the others are.
  [[nodiscard]] bool write(const std::string& input, const Image& image,
                           const std::vector<Face>& faces);

 private:
  void write_drawing(const std::string& input, const Image& image, const std::vector<Face>& faces);
  [[nodiscard]] bool write_crops(const std::string& input, const Image& image,
                                 const std::vector<Face>& faces);
  void write_wider(const std::string& input, const std::vector<Face>& faces);

  // Throws FileError when another input has taken `path` in this run, or when it is an input
  // itself.
  void claim(const std::string& path, const std::string& input);
  void written(const std::string& path) const;

  OutputOptions options_;
  bool draw_to_file_ = false;
  std::map<std::string, std::string> claimed_;  // output -> the input it belongs to
  std::set<std::string> inputs_;
};

}  // namespace rf::cli
