#include "weights/model_file.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "weights/described_state.hpp"
#include "weights/json.hpp"
#include "weights/mxnet.hpp"
#include "weights/name_map.hpp"
#include "weights/safetensors.hpp"
#include "weights/sha256.hpp"
#include "weights/shown.hpp"
#include "weights/torch.hpp"

namespace rf {

namespace {

using Json = nlohmann::ordered_json;
using Bytes = std::span<const std::byte>;

constexpr const char* kDescriptionKey = "retinaface";  // in the metadata of safetensors
constexpr const char* kSchema = "retinaface-model/1";

// --- what kind of file it is

enum class Kind { safetensors, torch, mxnet };

bool begins(Bytes file, std::string_view with) {
  return file.size() >= with.size() && std::memcmp(file.data(), with.data(), with.size()) == 0;
}

// A pickle of protocol 0 or 1 begins with an opcode; one that asks for a name right away is
// recognised, so that the message can say for which.
bool is_old_pickle(Bytes file) {
  if (!begins(file, "c")) return false;
  const std::size_t length = std::min<std::size_t>(file.size() - 1, 200);
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + 1, length);
  const std::size_t end = text.find('\n');
  constexpr std::string_view kNameCharacters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
  return end != std::string_view::npos && end > 0 &&
         text.substr(0, end).find_first_not_of(kNameCharacters) == std::string_view::npos;
}

Kind kind_of(Bytes file, const std::string& name) {
  if (begins(file, std::string_view("PK\x03\x04", 4)) || begins(file, "\x80") ||
      is_old_pickle(file))
    return Kind::torch;
  if (begins(file, std::string_view("\x12\x01\0\0\0\0\0\0", 8))) return Kind::mxnet;
  if (file.size() > 8 && static_cast<char>(file[8]) == '{') return Kind::safetensors;
  std::string hint;
  if (file.empty()) hint = " (it is empty)";
  if (begins(file, "<")) hint = " (it looks like a web page, perhaps of a download that failed)";
  throw ModelError(message(name, ": is no model file", hint,
                           "; safetensors, PyTorch .pth and MXNet .params can be read"));
}

// --- the description

std::string description_of(Json json, const std::string& patch, const std::string& sha256,
                           const std::string& name) {
  if (!patch.empty()) json.merge_patch(Json::parse(patch));
  if (!json.is_object() || !json.contains("schema") || json["schema"] != kSchema) {
    throw ModelError(message(name, ": its description has another schema than ", kSchema));
  }
  json["sha256"] = sha256;
  return json.dump();
}

// --- our file

ModelFile read_own(SafetensorsFile file, const std::string& name, const ReadModelOptions& options) {
  Json json = parse_json<Json>(file.metadata.at(kDescriptionKey), name + ": its description");
  const std::string sha256 = sha256_hex(file.data);
  const std::string claimed =
      json.is_object() && json.contains("sha256") && json["sha256"].is_string()
          ? json["sha256"].get<std::string>()
          : "";
  if (claimed != sha256) {
    throw ModelError(
        message(name, ": its tensors have the SHA-256 ", sha256, ", its description says ",
                claimed.empty() ? "nothing" : shown(claimed), "; the file is damaged"));
  }
  for (const auto& [key, tensor] : file.tensors) {
    if (tensor.dtype() != DType::f32) {
      throw ModelError(message(name, ": tensor ", shown(key), " has elements ", tensor.dtype(),
                               ", f32, f16 or bf16 are needed"));
    }
  }
  return {.format = "safetensors",
          .description = description_of(std::move(json), options.description_patch, sha256, name),
          .tensors = std::move(file.tensors),
          .sha256 = sha256};
}

// --- a public file

// "a, b, c and 4 more"
std::string first_few(const std::vector<std::string>& names) {
  constexpr std::size_t kFew = 3;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kFew; ++i)
    text += (i ? ", " : "") + shown(names[i]);
  if (names.size() > kFew) text += message(" and ", names.size() - kFew, " more");
  return text;
}

// Names in which a file and a layout differ.
std::size_t difference(const NameMapFit& fit) { return fit.missing.size() + fit.unexpected.size(); }

// A network of other structure with names like those of ours.
struct OtherNetwork {
  std::string_view has, lacks;  // names of tensors; `lacks` may be empty
  std::string_view what;
};
constexpr std::string_view kBatchNormFirst =
    "a ResNet of version 2, with batch norm before each convolution (He et al. 2016, Identity "
    "Mappings); here it comes after, with which these weights would compute something else";
constexpr OtherNetwork kOtherNetworks[] = {
    {"stage1_unit1_sc_weight", "", kBatchNormFirst},  // MXNet's symbols, insightface's R50 and R152
    {"batchnorm1_gamma", "conv1_weight", kBatchNormFirst},  // Gluon's resnet.._v2
    {"features.5.0.bn1.gamma", "", kBatchNormFirst},        // the same
    {"stage1_unit1_conv1sc_weight", "stage1_unit1_conv3_weight",
     "a resnet-v1 of 18 or 34 layers of MXNet's example, with a convolution as the first block's "
     "shortcut; here that is the block's input itself"},
};

// The layout that the file has; throws with what it looks like if there is none.
const NameMap& recognise(const StateDict& tensors, const std::string& name) {
  const NameMap* best = nullptr;
  NameMapFit best_fit;
  for (const NameMap& map : published_name_maps()) {
    const auto is_there = [&](const NameMap::Entry& e) { return tensors.contains(e.from); };
    if (best && std::ranges::none_of(map.entries, is_there)) continue;
    NameMapFit here = fit(map, tensors);
    if (!best || difference(here) < difference(best_fit)) {
      best = &map;
      best_fit = std::move(here);
    }
  }
  RF_ASSERT(best != nullptr);
  if (difference(best_fit) == 0) return *best;
  for (const auto& [has, lacks, what] : kOtherNetworks) {
    if (tensors.contains(std::string(has)) && !tensors.contains(std::string(lacks)))
      throw ModelError(message(name, ": cannot be imported: it is ", what));
  }
  if (best_fit.found * 2 < best->entries.size()) {
    std::string layouts, backbones;
    for (const NameMap& map : published_name_maps()) {
      if (map.role == NameMap::Role::detector) {
        layouts += map.layout + "; ";
      } else if (backbones.find(map.backbone + ',') == std::string::npos) {
        backbones += " " + map.backbone + ',';
      }
    }
    layouts += "backbones" + backbones.substr(0, backbones.size() - 1);
    throw ModelError(message(name, ": holds ", tensors.size(), " tensors such as ",
                             tensors.empty() ? "none" : shown(tensors.begin()->first),
                             "; no known layout (", layouts, ") has these names"));
  }
  if (!best_fit.missing.empty()) {
    throw ModelError(
        message(name, ": looks like ", best->layout, ", but lacks ", first_few(best_fit.missing)));
  }
  throw ModelError(message(name, ": looks like ", best->layout, ", but also holds ",
                           first_few(best_fit.unexpected)));
}

// Gluon begins the names of an exported network with what this one was called, "resnetv10_" if it
// was the first of its kind.
StateDict without_instance(StateDict tensors) {
  constexpr std::string_view kKind = "resnetv";
  if (tensors.empty() || !tensors.begin()->first.starts_with(kKind)) return tensors;
  const std::string prefix = tensors.begin()->first.substr(0, tensors.begin()->first.find('_') + 1);
  const auto has_prefix = [&](const auto& each) { return each.first.starts_with(prefix); };
  if (prefix.empty() || !std::ranges::all_of(tensors, has_prefix)) return tensors;
  StateDict shorter;
  for (auto& [name, tensor] : tensors)
    shorter.emplace(name.substr(prefix.size()), std::move(tensor));
  return shorter;
}

ModelFile import(const StateDict& theirs, std::string format, const std::string& name,
                 const ReadModelOptions& options) {
  const NameMap& map = recognise(theirs, name);
  const bool whole = map.role == NameMap::Role::detector;
  if (!whole && !options.allow_backbone) {
    throw ModelError(
        message(name, ": is a backbone alone (", map.layout,
                "), without pyramid, context modules and heads; a detector is needed"));
  }
  ModelFile model{.format = std::move(format),
                  .description = {},
                  .tensors = apply(map, theirs),
                  .sha256 = {},
                  .backbone = map.backbone};
  model.sha256 = state_sha256(model.tensors);
  if (whole)
    model.description =
        description_of(Json::parse(map.description), options.description_patch, model.sha256, name);
  return model;
}

ModelFile read_any(Bytes file, const std::string& name, std::shared_ptr<const void> owner,
                   const ReadModelOptions& options) {
  switch (kind_of(file, name)) {
    case Kind::safetensors: {
      SafetensorsFile content = read_safetensors(file, name, std::move(owner));
      if (content.metadata.contains(kDescriptionKey))
        return read_own(std::move(content), name, options);
      return import(content.tensors, "safetensors", name, options);
    }
    case Kind::torch: {
      const TorchFile content = read_torch(file, name, std::move(owner));
      return import(content.tensors,
                    content.format == TorchFormat::zip ? "torch (zip)" : "torch (legacy pickle)",
                    name, options);
    }
    case Kind::mxnet:
      return import(without_instance(read_mxnet(file, name, std::move(owner))), "mxnet", name,
                    options);
  }
  RF_UNREACHABLE();
  return {};
}

// Everything that is wrong with the file becomes a ModelError whose message begins with its name.
template <class F>
ModelFile with_model_errors(const std::string& name, F&& read) {
  try {
    return read();
  } catch (const ModelError&) {
    throw;
  } catch (const Error& e) {
    const std::string text = e.what();
    throw ModelError(text.starts_with(name + ":") ? text : name + ": " + text);
  }
}

void check_patch(const std::string& patch) {
  if (!patch.empty() && !Json::accept(patch)) throw UsageError("description patch: is not JSON");
}

}  // namespace

ModelFile read_model(const std::string& path, const ReadModelOptions& options) {
  check_patch(options.description_patch);
  return with_model_errors(path, [&] {
    const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
    return read_any(file->bytes(), path, file, options);
  });
}

ModelFile read_model(Bytes file, const std::string& name, std::shared_ptr<const void> owner,
                     const ReadModelOptions& options) {
  check_patch(options.description_patch);
  return with_model_errors(name, [&] { return read_any(file, name, std::move(owner), options); });
}

void write_model(const std::string& path, const ModelFile& model, IfExists if_exists) {
  for (const auto& [name, tensor] : model.tensors) {
    RF_CHECK_SHAPE(tensor.dtype() == DType::f32, "write_model", name, " has elements ",
                   tensor.dtype(), ", f32 are written");
  }
  Json description = parse_json<Json>(model.description, path + ": its description");
  const std::string text =
      description_of(std::move(description), "", state_sha256(model.tensors), path);
  write_safetensors(path, model.tensors, {{kDescriptionKey, text}}, if_exists);
}

}  // namespace rf
