// What `retinaface convert` does between its flags and its files.
#pragma once

#include <optional>
#include <string>

#include "weights/model_file.hpp"

namespace rf {

// What tensor names of a public file cannot reveal, as texts of the command line; absent: as the
// layout has it.
struct DescriptionChanges {
  using Text = std::optional<std::string>;
  Text activation = {};  // relu, or leaky_relu:SLOPE; of the backbone and the neck
  Text anchors = {};     // STRIDE:OFFSET:SIZE,SIZE of each level, from the finest, joined by /
  Text mean = {}, scale = {};  // three numbers, in the order of `order`
  Text order = {};             // rgb or bgr
  Text variances = {};         // of the centre and of the size
  Text name = {}, licence = {}, provenance = {};
};

// The JSON merge patch (RFC 7396) for read_model; empty when nothing changes. Throws UsageError,
// naming the flag and the form it has.
[[nodiscard]] std::string description_patch(const DescriptionChanges& changes);

// Reads `path` again and compares every tensor bit by bit and the description with `model`. Throws
// ModelError.
void verify_model(const std::string& path, const ModelFile& model);

}  // namespace rf
