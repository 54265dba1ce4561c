// The files that synth writes: pictures, labels, everything that is known about the faces, meshes.
// docs/synth.md specifies them.
#pragma once

#include <string>
#include <vector>

#include "engine/file.hpp"
#include "retinaface/dense/synthetic.hpp"

namespace rf::cli {

// OUT as the user gave it, and what it must not be.
struct SynthFolder {
  std::string path;
  bool meshes = false;              // meshes/ is needed too
  bool overwrite = false;           // there may be files in it
  std::vector<std::string> inputs;  // folders that are read, and so are never written to
};

// Makes the folder with images/ and, if wanted, meshes/ in it, and removes label.txt: a set without
// it is not whole. Throws FileError: no folder, or not to be made one; files in it, without
// `overwrite`; UsageError: an input, or no name.
void prepare(const SynthFolder& folder);

// "000012.png": six digits, more if `count` needs them.
[[nodiscard]] std::string picture_name(Index index, Index count, const std::string& extension);

// "# NAME", then for each face "x y w h" and five times "x y flag", flag 0 for a point that is seen
// and 1 for one that the face itself hides.
[[nodiscard]] std::string label_lines(const std::string& name, const SyntheticPicture& picture);

// One picture of faces.json, on one line. Numbers are rounded to 1/1000 of a pixel, or are the
// shortest text of a float.
[[nodiscard]] std::string picture_json(const std::string& name, const SyntheticPicture& picture,
                                       const FaceModel& model);

// What comes before the first picture in faces.json, and after the last.
[[nodiscard]] std::string json_beginning(const SyntheticOptions& options, const FaceModel& model,
                                         const std::string& face_model);
[[nodiscard]] std::string json_end();

}  // namespace rf::cli
