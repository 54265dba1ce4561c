#include "weights/described_state.hpp"

#include <utility>

#include "weights/json.hpp"
#include "weights/safetensors.hpp"
#include "weights/sha256.hpp"

namespace rf {

using Json = nlohmann::ordered_json;

std::string state_sha256(const StateDict& state) {
  Sha256 sha;
  for (const auto& it : safetensors_order(state)) {
    sha.update({static_cast<const std::byte*>(it->second.raw()),
                static_cast<std::size_t>(it->second.bytes())});
  }
  return sha.hex();
}

void write_described_state(const std::string& path, const FileSchema& schema,
                           const DescribedState& content, IfExists if_exists) {
  Json json = {{"schema", schema.schema}};
  json.update(content.description);
  json["sha256"] = state_sha256(content.state);
  write_safetensors(path, content.state, {{schema.key, json.dump()}}, if_exists);
}

DescribedState read_described_state(const std::string& path, const FileSchema& schema) {
  return read_description(path, [&] {
    SafetensorsFile file = read_safetensors(path);
    const auto text = file.metadata.find(schema.key);
    if (text == file.metadata.end()) throw ModelError(message(path, ": is no ", schema.what));
    Json json = parse_json<Json>(text->second, path + ": its description");
    if (!json.is_object() || json.value("schema", "") != schema.schema) {
      throw ModelError(message(path, ": is a ", schema.what,
                               " of another version; this program reads ", schema.schema));
    }
    std::string sha256 = sha256_hex(file.data);
    if (json.at("sha256") != sha256)
      throw ModelError(
          message(path, ": its tensors do not have the SHA-256 that it says; it is damaged"));
    return DescribedState{.description = std::move(json),
                          .state = std::move(file.tensors),
                          .sha256 = std::move(sha256)};
  });
}

Index described_count(const Json& description, const char* key, const std::string& path) {
  const Json& value = description.at(key);
  if (!value.is_number_integer() || value.get<double>() < 0 || value.get<double>() > 1e15)
    throw ModelError(message(path, ": its description has no such number in ", key));
  return value.get<Index>();
}

}  // namespace rf
