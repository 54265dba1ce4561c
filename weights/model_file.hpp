// A model: named tensors and the JSON text that says what they mean (schema retinaface-model/1,
// docs/weights-format.md).
#pragma once

#include <string>

#include "engine/file.hpp"
#include "engine/state_dict.hpp"

namespace rf {

struct ModelFile {
  std::string
      format;  // what the file was: "safetensors", "torch (legacy pickle)", "torch (zip)", "mxnet"
  std::string description;  // JSON text, schema retinaface-model/1
  StateDict tensors;        // under our names, f32
  std::string
      sha256;  // of the tensor bytes as our safetensors file holds them, 64 hexadecimal digits
  std::string backbone = {};  // its name in a description, when the file holds a backbone alone
};

struct ReadModelOptions {
  // JSON merge patch (RFC 7396) applied to the description: what tensor names of a public file
  // cannot reveal.
  std::string description_patch;
  // Whether a file that holds a backbone alone will do: its description is then empty, its tensors
  // are named as in a detector, "backbone...".
  bool allow_backbone = false;
};

// Reads our safetensors file, or a public file that holds a network we know (PyTorch legacy pickle
// and zip, MXNet NDArray list; recognised by content, tensor names and shapes, never by file name).
// Throws ModelError, one line that names the file: unreadable, corrupt, another architecture (says
// what it looks like), a wrong SHA-256.
[[nodiscard]] ModelFile read_model(const std::string& path, const ReadModelOptions& options = {});

// The same for a file in memory, e.g. linked into the program; `name` is for messages. `owner`
// keeps the bytes alive.
[[nodiscard]] ModelFile read_model(std::span<const std::byte> file, const std::string& name,
                                   std::shared_ptr<const void> owner,
                                   const ReadModelOptions& options = {});

// Writes our safetensors file, atomically, with the SHA-256 filled in. The same model gives the
// same bytes. Throws FileError.
void write_model(const std::string& path, const ModelFile& model, IfExists if_exists);

}  // namespace rf
