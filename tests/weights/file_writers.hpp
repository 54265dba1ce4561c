// Writers of the public formats that weights/ reads: for tests, and for the files that fuzzing
// starts from. They write the least that a reader must understand, and make it easy to write
// something else.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "engine/state_dict.hpp"
#include "weights/zip.hpp"

namespace rf::test {

// The bytes of a number, little-endian.
template <class T>
[[nodiscard]] std::string le(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

[[nodiscard]] inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

[[nodiscard]] inline std::string elements_of(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.raw()), static_cast<std::size_t>(tensor.bytes())};
}

// --- pickles

inline const std::string kPickleProtocol = "\x80\x02";
inline const std::string kPickleStop = ".";

[[nodiscard]] inline std::string pickled(const std::string& text) {
  return "X" + le(static_cast<std::uint32_t>(text.size())) + text;
}
[[nodiscard]] inline std::string pickled(Index number) {
  return std::string("\x8a\x08", 2) + le(number);
}
[[nodiscard]] inline std::string pickled_global(const std::string& module,
                                                const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
[[nodiscard]] inline std::string pickled_tuple(const std::vector<std::string>& items) {
  std::string text = "(";
  for (const std::string& item : items) text += item;
  return text + "t";
}
[[nodiscard]] inline std::string pickled_tuple(std::span<const Index> numbers) {
  std::vector<std::string> items;
  for (const Index number : numbers) items.push_back(pickled(number));
  return pickled_tuple(items);
}
[[nodiscard]] inline std::string pickled_dict(
    const std::vector<std::pair<std::string, std::string>>& items) {
  std::string text = "}(";
  for (const auto& [key, value] : items) text += key + value;
  return text + "u";
}
[[nodiscard]] inline std::string pickled_ordered_dict() {
  return pickled_global("collections", "OrderedDict") + ")R";
}

[[nodiscard]] inline std::string torch_storage_name(DType dtype) {
  switch (dtype) {
    case DType::f32: return "FloatStorage";
    case DType::f64: return "DoubleStorage";
    case DType::i32: return "IntStorage";
    case DType::i64: return "LongStorage";
    case DType::u8: return "ByteStorage";
    case DType::i8: return "CharStorage";
  }
  return "";
}

// A tensor as torch.save describes it. All that can be wrong in it is a member.
struct TorchTensor {
  std::string storage_name;  // "FloatStorage"
  std::string key;
  Index storage_count = 0, offset = 0;
  std::vector<Index> sizes, strides;

  [[nodiscard]] std::string pickled_storage() const {
    return pickled_tuple({pickled("storage"), pickled_global("torch", storage_name), pickled(key),
                          pickled("cpu"), pickled(storage_count), "N"}) +
           "Q";
  }
  [[nodiscard]] std::string pickle() const {
    return pickled_global("torch._utils", "_rebuild_tensor_v2") +
           pickled_tuple({pickled_storage(), pickled(offset), pickled_tuple(sizes),
                          pickled_tuple(strides), "\x89", pickled_ordered_dict()}) +
           "R";
  }
};

[[nodiscard]] inline TorchTensor contiguous(const Tensor& tensor, const std::string& key) {
  TorchTensor out{torch_storage_name(tensor.dtype()), key, tensor.numel(), 0, {}, {}};
  const auto dims = tensor.shape().dims();
  out.sizes.assign(dims.begin(), dims.end());
  out.strides.assign(dims.size(), 1);
  for (std::size_t d = dims.size(); d-- > 1;) out.strides[d - 1] = out.strides[d] * dims[d];
  return out;
}

// The storages of a file: key and bytes.
using TorchStorages = std::vector<std::pair<std::string, std::string>>;

// The state dictionary as a pickled value (without protocol and stop), and its storages with keys
// "0", "1", ..
struct TorchObject {
  std::string pickle;
  TorchStorages storages;
};
[[nodiscard]] inline TorchObject torch_object(const StateDict& tensors) {
  TorchObject out;
  std::vector<std::pair<std::string, std::string>> items;
  for (const auto& [name, tensor] : tensors) {
    const std::string key = std::to_string(out.storages.size());
    items.emplace_back(pickled(name), contiguous(tensor, key).pickle());
    out.storages.emplace_back(key, elements_of(tensor));
  }
  out.pickle = pickled_dict(items);
  return out;
}

// `element_bytes`: of every storage.
[[nodiscard]] inline std::string torch_legacy(const std::string& object,
                                              const TorchStorages& storages,
                                              std::size_t element_bytes = 4) {
  std::string file = kPickleProtocol +
                     std::string("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") + kPickleStop;
  file += kPickleProtocol + "M" + le<std::uint16_t>(1001) + kPickleStop;
  file += kPickleProtocol + pickled_dict({{pickled("little_endian"), "\x88"}}) + kPickleStop;
  file += kPickleProtocol + object + kPickleStop;
  file += kPickleProtocol + "](";
  for (const auto& [key, bytes] : storages) file += pickled(key);
  file += "e" + kPickleStop;
  for (const auto& [key, bytes] : storages)
    file += le(static_cast<Index>(bytes.size() / element_bytes)) + bytes;
  return file;
}
[[nodiscard]] inline std::string torch_legacy(const StateDict& tensors) {
  const TorchObject object = torch_object(tensors);
  return torch_legacy(object.pickle, object.storages);
}

// --- ZIP

using ZipEntries = std::vector<std::pair<std::string, std::string>>;

struct ZipOptions {
  std::uint16_t method = 0, flags = 0x800;
  std::string comment = {};
};

[[nodiscard]] inline std::string zip(const ZipEntries& entries, const ZipOptions& options = {}) {
  std::string file, directory;
  for (const auto& [name, content] : entries) {
    const std::string common = le(options.flags) + le(options.method) + le<std::uint32_t>(0) +
                               le(crc32(bytes_of(content))) +
                               le(static_cast<std::uint32_t>(content.size())) +
                               le(static_cast<std::uint32_t>(content.size())) +
                               le(static_cast<std::uint16_t>(name.size()));
    directory += "PK\x01\x02" + le<std::uint32_t>(0) + common + le<std::uint16_t>(0) +
                 le<std::uint16_t>(0) + le<std::uint64_t>(0) +
                 le(static_cast<std::uint32_t>(file.size())) + name;
    file += "PK\x03\x04" + le<std::uint16_t>(0) + common + le<std::uint16_t>(3) + name + "abc" +
            content;
  }
  const auto count = static_cast<std::uint16_t>(entries.size());
  return file + directory + "PK\x05\x06" + le<std::uint32_t>(0) + le(count) + le(count) +
         le(static_cast<std::uint32_t>(directory.size())) +
         le(static_cast<std::uint32_t>(file.size())) +
         le(static_cast<std::uint16_t>(options.comment.size())) + options.comment;
}

[[nodiscard]] inline ZipEntries torch_zip_entries(const std::string& object,
                                                  const TorchStorages& storages) {
  ZipEntries entries{{"archive/data.pkl", kPickleProtocol + object + kPickleStop},
                     {"archive/version", "3\n"}};
  for (const auto& [key, bytes] : storages) entries.emplace_back("archive/data/" + key, bytes);
  return entries;
}
[[nodiscard]] inline std::string torch_zip(const StateDict& tensors) {
  const TorchObject object = torch_object(tensors);
  return zip(torch_zip_entries(object.pickle, object.storages));
}

// --- MXNet

// One array. All that can be wrong in it is a member.
struct MxnetArray {
  std::uint32_t magic = 0xF993FAC9;
  std::int32_t storage_type = 0;
  std::vector<Index> dims;
  std::int32_t element_type = 0;
  std::string elements;

  [[nodiscard]] std::string bytes() const {
    std::string out = le(magic) + le(storage_type) + le(static_cast<std::uint32_t>(dims.size()));
    for (const Index dim : dims) out += le(dim);
    return out + le<std::int32_t>(1) + le<std::int32_t>(0) + le(element_type) + elements;
  }
};

[[nodiscard]] inline std::string mxnet(
    const std::vector<std::pair<std::string, MxnetArray>>& arrays) {
  std::string file =
      le<std::uint64_t>(0x112) + le<std::uint64_t>(0) + le<std::uint64_t>(arrays.size());
  for (const auto& [name, array] : arrays) file += array.bytes();
  file += le<std::uint64_t>(arrays.size());
  for (const auto& [name, array] : arrays) file += le<std::uint64_t>(name.size()) + name;
  return file;
}

[[nodiscard]] inline std::string mxnet(const StateDict& tensors) {
  std::vector<std::pair<std::string, MxnetArray>> arrays;
  for (const auto& [name, tensor] : tensors) {
    MxnetArray array;
    array.dims.assign(tensor.shape().dims().begin(), tensor.shape().dims().end());
    switch (tensor.dtype()) {
      case DType::f32: array.element_type = 0; break;
      case DType::f64: array.element_type = 1; break;
      case DType::u8: array.element_type = 3; break;
      case DType::i32: array.element_type = 4; break;
      case DType::i8: array.element_type = 5; break;
      case DType::i64: array.element_type = 6; break;
    }
    array.elements = elements_of(tensor);
    arrays.emplace_back(name, array);
  }
  return mxnet(arrays);
}

// A .npy file of version 1 up to its elements.
[[nodiscard]] inline std::string npy_head(const std::string& header) {
  return "\x93NUMPY" + le<std::uint8_t>(1) + le<std::uint8_t>(0) +
         le<std::uint16_t>(static_cast<std::uint16_t>(header.size())) + header;
}

[[nodiscard]] inline std::string npy(const Tensor& array) {
  const char* type = "";
  switch (array.dtype()) {
    case DType::f32: type = "<f4"; break;
    case DType::f64: type = "<f8"; break;
    case DType::i32: type = "<i4"; break;
    case DType::i64: type = "<i8"; break;
    case DType::u8: type = "|u1"; break;
    case DType::i8: type = "|i1"; break;
  }
  std::string shape;
  for (const Index size : array.shape().dims()) shape += std::to_string(size) + ", ";
  return npy_head(std::string("{'descr': '") + type + "', 'fortran_order': False, 'shape': (" +
                  shape + "), }\n") +
         elements_of(array);
}

}  // namespace rf::test
