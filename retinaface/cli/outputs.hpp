// The files that detect writes: drawn pictures, crops of faces, their meshes, WIDER text.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/file.hpp"
#include "engine/image.hpp"
#include "retinaface/detector.hpp"

namespace rf::cli {

// The meshes of one picture's faces. For one thread at a time.
class PictureMeshes {
 public:
  virtual ~PictureMeshes() = default;

  // The picture with the meshes over it.
  [[nodiscard]] virtual Image overlaid(const Image& picture) const = 0;

  // The mesh of that face as a file. Throw FileError.
  virtual void write_obj(std::size_t face, const std::string& path, IfExists if_exists) const = 0;
  virtual void write_ply(std::size_t face, const std::string& path, IfExists if_exists) const = 0;

  // The most bytes that they take, with what JSON is made of them.
  [[nodiscard]] virtual Index bytes() const = 0;
};

struct OutputOptions {
  std::string draw;       // a file with an image extension, or a folder; empty: none
  std::string crops;      // a folder; empty: none
  std::string wider;      // a folder; empty: none
  std::string meshes;     // a folder; empty: none
  std::string mesh_json;  // a file that somebody else writes; empty: none
  Index align = 0;        // side of aligned crops; 0: upright crops with a margin
  IfExists if_exists = IfExists::refuse;
  bool quiet = false;

  // Whether a file is written.
  [[nodiscard]] bool any() const {
    return !draw.empty() || !crops.empty() || !wider.empty() || !meshes.empty() ||
           !mesh_json.empty();
  }
};

class OutputFiles {
 public:
  // Makes the folders. Throws FileError when one cannot be made, UsageError when --draw names one
  // file although there can be several inputs.
  OutputFiles(const OutputOptions& options, bool one_input);

  [[nodiscard]] bool any() const { return options_.any(); }

  // Whether the picture itself is needed for them.
  [[nodiscard]] bool draws() const { return !options_.draw.empty() || !options_.crops.empty(); }

  // A file that must never be written, --overwrite or not: an input.
  void protect(const std::string& path);

  // Throws FileError when the file of all meshes is one of these.
  void check_mesh_json() const;

  // One file for an input, or why it must not be written.
  struct Output {
    enum class Kind { wider, drawing, crop, obj, ply } kind;
    std::string path;
    std::size_t face = 0;  // of a crop or a mesh
    std::string error{};
  };

  // The files for an input with that many faces. In the order of the inputs: one whose name an
  // input before it has taken in this run, or that is an input itself, must not be written.
  [[nodiscard]] std::vector<Output> claim(const std::string& input, std::size_t faces);

  // What an input's files show: the picture if draws(), its faces, and their meshes if there are
  // any.
  struct Shown {
    const std::string& input;
    const Image& image;
    const std::vector<Face>& faces;
    const PictureMeshes* meshes;
  };

  // Writes them; `said` gets a line for every path, and for what went wrong. False when a file
  // could not be written; the others are. For inputs on several threads at once.
  [[nodiscard]] bool write(const std::vector<Output>& outputs, const Shown& shown,
                           std::vector<std::string>& said) const;

 private:
  void write_one(const Output& output, const Shown& shown) const;
  // A file for each face, <base>_<number>.<extension>, or why none must be written.
  void claim_for_faces(const std::string& base, const std::string& extension, Output::Kind kind,
                       const std::string& input, std::size_t faces, std::vector<Output>& outputs);
  // Why `path` must not be written for `input`; empty: it belongs to it from now on.
  [[nodiscard]] std::string refusal(const std::string& path, const std::string& input);

  OutputOptions options_;
  bool draw_to_file_ = false;
  std::map<std::string, std::string> claimed_;  // output -> the input it belongs to
  std::set<std::string> inputs_;
};

}  // namespace rf::cli
