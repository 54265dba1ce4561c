#include "weights/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "weights/half.hpp"
#include "weights/json.hpp"
#include "weights/shown.hpp"

static_assert(std::endian::native == std::endian::little,
              "files are little-endian and are used as they are");

namespace rf {

namespace {

using nlohmann::json;

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes =
    100'000'000;  // the limit of the format's own reference reader
constexpr std::size_t kMaxTensors = 100'000;
constexpr std::size_t kDataAlignment = 64;
constexpr const char* kMetadata = "__metadata__";

struct ElementType {
  const char* name;
  DType stored_as;               // what a tensor of it is in memory
  std::optional<HalfKind> half;  // widened
  Index bytes;                   // in the file
};
constexpr std::array kElementTypes = {
    ElementType{"F32", DType::f32, {}, 4},
    ElementType{"F64", DType::f64, {}, 8},
    ElementType{"I32", DType::i32, {}, 4},
    ElementType{"I64", DType::i64, {}, 8},
    ElementType{"U8", DType::u8, {}, 1},
    ElementType{"I8", DType::i8, {}, 1},
    ElementType{"F16", DType::f32, HalfKind::f16, 2},
    ElementType{"BF16", DType::f32, HalfKind::bf16, 2},
};

const char* element_type_name(DType dtype) {
  const auto* found = std::ranges::find_if(
      kElementTypes, [&](const ElementType& t) { return t.stored_as == dtype; });
  return found->name;
}

// One tensor of the header.
struct Entry {
  std::string name;
  ElementType type;
  Shape shape;
  std::uint64_t begin = 0, end = 0;  // in the data section
};

// What the header says about one tensor, judged as far as it can be on its own.
class EntryReader {
 public:
  EntryReader(const std::string& file, const std::string& name) : file_(file), name_(name) {}

  Entry read(const json& value, std::uint64_t data_bytes) const {
    if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
        !value.contains("shape") || !value.contains("data_offsets")) {
      fail("needs exactly dtype, shape and data_offsets");
    }
    Entry entry{.name = name_, .type = type(value["dtype"]), .shape = shape(value["shape"])};
    const json& offsets = value["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2) fail("needs two data_offsets");
    entry.begin = number(offsets[0], "data_offsets");
    entry.end = number(offsets[1], "data_offsets");
    if (entry.begin > entry.end) fail("ends at ", entry.end, ", before it begins at ", entry.begin);
    if (entry.end > data_bytes)
      fail("ends at byte ", entry.end, ", the data section has ", data_bytes);
    Index bytes = 0;
    if (__builtin_mul_overflow(entry.shape.numel(), entry.type.bytes, &bytes))
      fail("has too many elements");
    if (static_cast<std::uint64_t>(bytes) != entry.end - entry.begin) {
      fail("of type ", entry.type.name, " and shape ", entry.shape, " needs ", bytes,
           " bytes, its offsets hold ", entry.end - entry.begin);
    }
    return entry;
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw FormatError(message(file_, ": tensor ", shown(name_), " ", parts...));
  }

  std::uint64_t number(const json& value, const char* what) const {
    if (!value.is_number_unsigned())
      fail("has ", what, " that are not whole numbers of 64 bits, 0 or more");
    return value.get<std::uint64_t>();
  }

  ElementType type(const json& value) const {
    if (!value.is_string()) fail("has a dtype that is not a string");
    const auto& text = value.get_ref<const std::string&>();
    const auto* found =
        std::ranges::find_if(kElementTypes, [&](const ElementType& t) { return t.name == text; });
    if (found == kElementTypes.end()) {
      fail("has type ", shown(text), "; F32, F64, F16, BF16, I32, I64, U8 and I8 can be read");
    }
    return *found;
  }

  Shape shape(const json& value) const {
    if (!value.is_array()) fail("has a shape that is not an array");
    if (value.size() > Shape::kMaxRank)
      fail("has rank ", value.size(), ", tensors have at most ", Shape::kMaxRank);
    std::vector<Index> dims;
    Index product = 1;
    for (const json& element : value) {
      const std::uint64_t size = number(element, "dimensions");
      if (size > static_cast<std::uint64_t>(INT64_MAX) ||
          __builtin_mul_overflow(product, static_cast<Index>(size), &product)) {
        fail("has too many elements");
      }
      dims.push_back(static_cast<Index>(size));
    }
    return Shape(dims);
  }

  const std::string& file_;
  const std::string& name_;
};

// The header's text; judges its length.
std::string_view header_text(std::span<const std::byte> file, const std::string& name) {
  if (file.size() < kLengthBytes) {
    throw FormatError(message(name, ": has ", file.size(),
                              " bytes, a safetensors file begins with 8 bytes of length"));
  }
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  if (length > kMaxHeaderBytes) {
    throw FormatError(message(name, ": claims a header of ", length, " bytes, at most ",
                              kMaxHeaderBytes, " are read"));
  }
  if (length > file.size() - kLengthBytes) {
    throw FormatError(message(name, ": claims a header of ", length, " bytes, but ",
                              file.size() - kLengthBytes, " follow; it may be cut short"));
  }
  return {reinterpret_cast<const char*>(file.data()) + kLengthBytes, length};
}

// Requires that the tensors fill the data section: in order of place each begins where the one
// before ended.
void check_places(std::vector<Entry>& entries, std::uint64_t data_bytes, const std::string& file) {
  std::ranges::sort(entries, {}, [](const Entry& e) { return std::pair(e.begin, e.end); });
  std::uint64_t place = 0;
  for (const Entry& entry : entries) {
    if (entry.begin < place) {
      throw FormatError(message(file, ": tensor ", shown(entry.name), " begins at byte ",
                                entry.begin, ", inside the one before it, which ends at ", place));
    }
    if (entry.begin > place) {
      throw FormatError(message(file, ": bytes ", place, " to ", entry.begin, " before tensor ",
                                shown(entry.name), " belong to no tensor"));
    }
    place = entry.end;
  }
  if (place != data_bytes) {
    throw FormatError(
        message(file, ": bytes ", place, " to ", data_bytes, " at the end belong to no tensor"));
  }
}

Tensor tensor_at(const Entry& entry, std::span<const std::byte> data,
                 const std::shared_ptr<const void>& owner) {
  const std::span<const std::byte> bytes = data.subspan(entry.begin, entry.end - entry.begin);
  if (entry.type.half) return widen(entry.shape, *entry.type.half, bytes);
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  if (!bytes.empty() && address % static_cast<std::uintptr_t>(entry.type.bytes) == 0) {
    return Tensor::borrow(entry.shape, entry.type.stored_as, bytes.data(), owner);
  }
  Tensor copy = Tensor::empty(entry.shape, entry.type.stored_as);
  if (!bytes.empty()) std::memcpy(copy.raw(), bytes.data(), bytes.size());
  return copy;
}

std::map<std::string, std::string> read_metadata(const json& value, const std::string& file) {
  if (!value.is_object()) throw FormatError(message(file, ": __metadata__ is not an object"));
  std::map<std::string, std::string> metadata;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string())
      throw FormatError(message(file, ": __metadata__ ", shown(key), " is not a string"));
    metadata.emplace(key, text.get<std::string>());
  }
  return metadata;
}

}  // namespace

SafetensorsFile read_safetensors(const std::string& path) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  return read_safetensors(file->bytes(), path, file);
}

SafetensorsFile read_safetensors(std::span<const std::byte> file, const std::string& name,
                                 std::shared_ptr<const void> owner) {
  const std::string_view text = header_text(file, name);
  // A tensor is 8 values and events of the parser, and one more for each dimension.
  const json header =
      parse_json<json>(text, name + ": header", {.depth = 4, .values = 20 * kMaxTensors});
  if (!header.is_object()) throw FormatError(message(name, ": header is not a JSON object"));
  if (header.size() > kMaxTensors)
    throw FormatError(message(name, ": holds more than ", kMaxTensors, " tensors"));

  SafetensorsFile out;
  out.data = file.subspan(kLengthBytes + text.size());
  out.owner = std::move(owner);
  std::vector<Entry> entries;
  for (const auto& [key, value] : header.items()) {
    if (key == kMetadata)
      out.metadata = read_metadata(value, name);
    else
      entries.push_back(EntryReader(name, key).read(value, out.data.size()));
  }
  check_places(entries, out.data.size(), name);
  for (const Entry& entry : entries)
    out.tensors.emplace(entry.name, tensor_at(entry, out.data, out.owner));
  return out;
}

std::vector<StateDict::const_iterator> safetensors_order(const StateDict& tensors) {
  std::vector<StateDict::const_iterator> order;
  for (auto it = tensors.begin(); it != tensors.end(); ++it) order.push_back(it);
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [](const auto& it) { return size_of(it->second.dtype()); });
  return order;
}

void write_safetensors(const std::string& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata, IfExists if_exists) {
  if (tensors.contains(kMetadata))
    throw FormatError(message(path, ": a tensor cannot be called ", kMetadata));
  const auto order = safetensors_order(tensors);
  std::vector<std::pair<std::string, nlohmann::ordered_json>> entries;
  if (!metadata.empty()) entries.emplace_back(kMetadata, metadata);
  Index place = 0;
  for (const auto& it : order) {
    const Tensor& tensor = it->second;
    const Index end = checked_add(place, tensor.bytes());
    nlohmann::ordered_json entry;
    entry["dtype"] = element_type_name(tensor.dtype());
    entry["shape"] = tensor.shape().dims();
    entry["data_offsets"] = {place, end};
    entries.emplace_back(it->first, std::move(entry));
    place = end;
  }
  std::string text = "{";
  try {
    for (const auto& [key, value] : entries) {
      if (text.size() > 1) text += ',';
      text += nlohmann::json(key).dump() + ':' + value.dump();
    }
  } catch (const nlohmann::json::exception&) {
    throw FormatError(message(path, ": names and metadata must be UTF-8, one of them is not"));
  }
  text += '}';
  while ((kLengthBytes + text.size()) % kDataAlignment != 0) text += ' ';
  if (text.size() > kMaxHeaderBytes) {
    throw FormatError(message(path, ": needs a header of ", text.size(),
                              " bytes, the format allows ", kMaxHeaderBytes));
  }

  AtomicFile file(path, if_exists);
  const std::uint64_t length = text.size();
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(text);
  for (const auto& it : order) {
    const Tensor& tensor = it->second;
    file.write(
        {static_cast<const std::byte*>(tensor.raw()), static_cast<std::size_t>(tensor.bytes())});
  }
  file.commit();
}

}  // namespace rf
