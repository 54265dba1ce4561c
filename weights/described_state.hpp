// A safetensors file of ours with one key of metadata: a JSON object that has the schema and the
// SHA-256 of the tensors, and says what they mean. Checkpoints and the dense branch's files.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "engine/state_dict.hpp"

namespace rf {

struct FileSchema {
  const char *key, *schema;  // "retinaface-checkpoint", "retinaface-checkpoint/1"
  const char* what;          // for messages: "checkpoint of a training"
};

struct DescribedState {
  nlohmann::ordered_json description;  // an object
  StateDict state;
  std::string sha256;  // of the tensors' bytes, 64 hexadecimal digits; filled in by reading
};

// SHA-256 of the data section that write_safetensors makes.
[[nodiscard]] std::string state_sha256(const StateDict& state);

// Atomically: on a full disk the old file stays whole. Throws FileError, FormatError.
void write_described_state(const std::string& path, const FileSchema& schema,
                           const DescribedState& content, IfExists if_exists);

// Throws ModelError, one line that begins with the path: no such file, another schema, damaged.
[[nodiscard]] DescribedState read_described_state(const std::string& path,
                                                  const FileSchema& schema);

// What `read` makes of the description; what it throws about it (another type, a key that is
// missing) becomes a ModelError that begins with the path.
template <class Read>
auto read_description(const std::string& path, Read&& read) {
  try {
    return read();
  } catch (const Error& error) {
    const std::string what = error.what();
    throw ModelError(what.starts_with(path) ? what : path + ": " + what);
  } catch (const nlohmann::json::exception&) {
    throw ModelError(message(path, ": its description lacks a key, or has one of another type"));
  }
}

// A whole number of at least 0 in the description. Throws ModelError.
[[nodiscard]] Index described_count(const nlohmann::ordered_json& description, const char* key,
                                    const std::string& path);

}  // namespace rf
