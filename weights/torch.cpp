#include "weights/torch.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/file.hpp"
#include "weights/byte_reader.hpp"
#include "weights/half.hpp"
#include "weights/pickle.hpp"
#include "weights/shown.hpp"
#include "weights/zip.hpp"

namespace rf {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view kLegacyMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr Index kLegacyProtocol = 1001;

struct Element {
  DType dtype;
  std::optional<HalfKind> half;
  Index bytes;
};

Element element_of(StorageType type) {
  switch (type) {
    case StorageType::f32: return {DType::f32, {}, 4};
    case StorageType::f64: return {DType::f64, {}, 8};
    case StorageType::f16: return {DType::f32, HalfKind::f16, 2};
    case StorageType::bf16: return {DType::f32, HalfKind::bf16, 2};
    case StorageType::i64: return {DType::i64, {}, 8};
    case StorageType::i32: return {DType::i32, {}, 4};
    case StorageType::i8: return {DType::i8, {}, 1};
    case StorageType::u8: return {DType::u8, {}, 1};
  }
  RF_UNREACHABLE();
  return {};
}

template <class... Parts>
[[noreturn]] void fail(const std::string& file, const Parts&... parts) {
  throw FormatError(message(file, ": ", parts...));
}

// --- where the tensors are

// Finds the one dictionary of tensors in what was pickled. Every value is looked at once, however
// often it is shared.
class StateDictFinder {
 public:
  StateDictFinder(const Pickle& pickle, const std::string& file) : pickle_(pickle), file_(file) {}

  const PickledDict& find() {
    visit(pickle_.root, "", 0);
    if (found_.empty()) fail(file_, "holds no dictionary of tensors");
    const auto named = [](const Found& f) { return f.path.ends_with("state_dict"); };
    if (std::ranges::count_if(found_, named) == 1)
      return *std::ranges::find_if(found_, named)->dict;
    if (found_.size() == 1 || found_.front().path.empty()) return *found_.front().dict;
    fail(file_, "holds several dictionaries of tensors, among them ", shown(found_[0].path),
         " and ", shown(found_[1].path), ", and not one that is called state_dict");
  }

 private:
  struct Found {
    std::string path;
    const PickledDict* dict;
  };

  // Deeper are the states of optimisers.
  static constexpr int kMaxDepth = 2;

  void visit(PickleRef ref, const std::string& path, int depth) {
    const auto* dict = pickle_.get<PickledDict>(ref);
    if (!dict || !seen_.insert(ref).second) return;
    const auto holds_tensor = [&](const auto& item) {
      return pickle_.get<PickledTensor>(item.second);
    };
    if (std::ranges::any_of(dict->items, holds_tensor)) found_.push_back({path, dict});
    if (depth == kMaxDepth) return;
    for (const auto& [key, value] : dict->items) {
      const auto* name = pickle_.get<std::string>(key);
      if (name && name->size() < 1000)
        visit(value, path.empty() ? *name : path + "." + *name, depth + 1);
    }
  }

  const Pickle& pickle_;
  const std::string& file_;
  std::vector<Found> found_;
  std::unordered_set<PickleRef> seen_;
};

// --- tensors of storages

// Makes tensors of descriptions. What has to be copied is limited, since many tensors may share one
// storage.
class TensorMaker {
 public:
  // `storages` gives the bytes of each key.
  TensorMaker(const Pickle& pickle, const std::unordered_map<std::string, Bytes>& storages,
              std::size_t file_bytes, std::string file, std::shared_ptr<const void> owner)
      : pickle_(pickle),
        storages_(storages),
        copies_left_(static_cast<Index>(file_bytes) * kCopies),
        file_(std::move(file)),
        owner_(std::move(owner)) {}

  Tensor make(const PickledTensor& tensor, const std::string& name) {
    const auto& storage = *pickle_.get<PickledStorage>(tensor.storage);
    const Element element = element_of(storage.type);
    const Bytes bytes = storage_bytes(storage, element, name);
    const Shape shape = checked_shape(tensor, storage, name);
    if (shape.numel() == 0) return Tensor::empty(shape, element.dtype);

    const Bytes used = bytes.subspan(static_cast<std::size_t>(tensor.offset * element.bytes));
    const bool contiguous = is_contiguous(tensor);
    const bool aligned = reinterpret_cast<std::uintptr_t>(used.data()) %
                             static_cast<std::uintptr_t>(element.bytes) ==
                         0;
    if (contiguous && aligned && !element.half)
      return Tensor::borrow(shape, element.dtype, used.data(), owner_);

    copies_left_ -= shape.numel() * size_of(element.dtype);
    if (copies_left_ < 0)
      fail(file_, "its tensors overlap so much that they would take ", kCopies,
           " times the file's size");
    std::vector<std::byte> packed;
    Bytes elements =
        used.first(static_cast<std::size_t>(contiguous ? shape.numel() * element.bytes : 0));
    if (!contiguous) elements = packed = gather(tensor, used, element.bytes);
    if (element.half) return widen(shape, *element.half, elements);
    Tensor copy = Tensor::empty(shape, element.dtype);
    std::memcpy(copy.raw(), elements.data(), elements.size());
    return copy;
  }

 private:
  static constexpr Index kCopies = 8;  // half precision, transposed and shared once: 6

  Bytes storage_bytes(const PickledStorage& storage, const Element& element,
                      const std::string& name) const {
    const auto found = storages_.find(*pickle_.get<std::string>(storage.key));
    if (found == storages_.end())
      fail(file_, "tensor ", shown(name), ": its storage is not in the file");
    Index needed = 0;
    if (__builtin_mul_overflow(storage.count, element.bytes, &needed) ||
        static_cast<std::uint64_t>(needed) != found->second.size()) {
      fail(file_, "tensor ", shown(name), ": its storage should have ", storage.count,
           " elements of ", element.bytes, " bytes, but has ", found->second.size(), " bytes");
    }
    return found->second;
  }

  // The shape, if every element lies in the storage.
  Shape checked_shape(const PickledTensor& tensor, const PickledStorage& storage,
                      const std::string& name) const {
    Index elements = 1, last = tensor.offset;
    bool fits = true;
    for (std::size_t d = 0; d < tensor.sizes.size(); ++d) {
      fits = fits && !__builtin_mul_overflow(elements, tensor.sizes[d], &elements);
      Index reach = 0;
      fits = fits && !__builtin_mul_overflow(std::max<Index>(tensor.sizes[d] - 1, 0),
                                             tensor.strides[d], &reach);
      fits = fits && !__builtin_add_overflow(last, reach, &last);
    }
    if (fits && elements == 0) return Shape(tensor.sizes);
    // More elements than the storage has are possible with a stride of 0, but nobody saves weights
    // so.
    if (!fits || last >= storage.count || elements > storage.count) {
      fail(file_, "tensor ", shown(name), " reaches outside its storage of ", storage.count,
           " elements");
    }
    return Shape(tensor.sizes);
  }

  static bool is_contiguous(const PickledTensor& tensor) {
    Index stride = 1;
    for (std::size_t d = tensor.sizes.size(); d-- > 0;) {
      if (tensor.sizes[d] != 1 && tensor.strides[d] != stride) return false;
      stride *= tensor.sizes[d];
    }
    return true;
  }

  // The elements in row-major order.
  static std::vector<std::byte> gather(const PickledTensor& tensor, Bytes from,
                                       Index element_bytes) {
    const std::size_t rank = tensor.sizes.size();
    std::vector<Index> at(rank, 0);
    std::vector<std::byte> packed;
    while (true) {
      Index place = 0;
      for (std::size_t d = 0; d < rank; ++d) place += at[d] * tensor.strides[d];
      const Bytes element = from.subspan(static_cast<std::size_t>(place * element_bytes),
                                         static_cast<std::size_t>(element_bytes));
      packed.insert(packed.end(), element.begin(), element.end());
      std::size_t d = rank;
      while (d > 0 && ++at[d - 1] == tensor.sizes[d - 1]) at[--d] = 0;
      if (d == 0) return packed;
    }
  }

  const Pickle& pickle_;
  const std::unordered_map<std::string, Bytes>& storages_;
  Index copies_left_;
  std::string file_;
  std::shared_ptr<const void> owner_;
};

StateDict read_tensors(const Pickle& pickle, TensorMaker& maker, const std::string& file) {
  StateDict tensors;
  for (const auto& [key, value] : StateDictFinder(pickle, file).find().items) {
    const auto* tensor = pickle.get<PickledTensor>(value);
    if (!tensor) continue;
    const auto* name = pickle.get<std::string>(key);
    if (!name) fail(file, "has a tensor whose name is no string");
    if (tensors.contains(*name)) fail(file, "names tensor ", shown(*name), " twice");
    tensors.emplace(*name, maker.make(*tensor, *name));
  }
  constexpr std::string_view kModule = "module.";
  if (!std::ranges::all_of(tensors,
                           [&](const auto& item) { return item.first.starts_with(kModule); }))
    return tensors;
  StateDict stripped;
  for (auto& [name, tensor] : tensors)
    stripped.emplace(name.substr(kModule.size()), std::move(tensor));
  return stripped;
}

// --- the legacy format: magic number, protocol version, facts about the machine, the object, the
// keys of the storages, each a pickle; then for each key an int64 count and that many elements

// Reads the pickle that begins at byte `position` and moves behind it.
Pickle next_pickle(Bytes file, std::size_t& position, const std::string& name) {
  Pickle pickle = read_pickle(file.subspan(position), name);
  position += pickle.bytes;
  return pickle;
}

void check_byte_order(const Pickle& facts, const std::string& name) {
  const auto* dict = facts.get<PickledDict>(facts.root);
  if (!dict) fail(name, "has no dictionary of facts about the machine");
  for (const auto& [key, value] : dict->items) {
    const auto* text = facts.get<std::string>(key);
    const auto* little = facts.get<bool>(value);
    if (text && *text == "little_endian" && little && !*little) {
      fail(name, "was written on a big-endian machine, which is not supported");
    }
  }
}

StateDict read_legacy(Bytes file, const std::string& name, std::shared_ptr<const void> owner) {
  std::size_t position = 0;
  const Pickle magic = next_pickle(file, position, name);
  const auto* number = magic.get<PickledLong>(magic.root);
  if (!number || number->bytes != kLegacyMagic)
    fail(name, "is a pickle, but not one of torch.save");
  const Pickle protocol = next_pickle(file, position, name);
  const auto* version = protocol.get<Index>(protocol.root);
  if (!version || *version != kLegacyProtocol)
    fail(name, "has another version of torch.save's format than ", kLegacyProtocol);
  check_byte_order(next_pickle(file, position, name), name);
  const Pickle object = next_pickle(file, position, name);
  const Pickle key_list = next_pickle(file, position, name);
  const auto* keys = key_list.get<PickledList>(key_list.root);
  if (!keys) fail(name, "has no list of storages");

  // The data does not say the size of an element; the object does.
  std::unordered_map<std::string_view, Index> element_bytes;
  for (const PickleValue& value : object.values) {
    if (const auto* storage = std::get_if<PickledStorage>(&value)) {
      element_bytes.emplace(*object.get<std::string>(storage->key),
                            element_of(storage->type).bytes);
    }
  }
  std::unordered_map<std::string, Bytes> storages;
  ByteReader data(file.subspan(position), name);
  for (const PickleRef ref : keys->items) {
    const auto* key = key_list.get<std::string>(ref);
    if (!key) fail(name, "has a storage whose key is no string");
    const auto found = element_bytes.find(*key);
    if (found == element_bytes.end())
      fail(name, "lists storage ", shown(*key), ", which no tensor uses");
    const auto count = data.number<Index>("a storage");
    Index bytes = 0;
    if (count < 0 || __builtin_mul_overflow(count, found->second, &bytes))
      fail(name, "has a storage of ", count, " elements");
    const Bytes content = data.take(static_cast<std::uint64_t>(bytes), "a storage");
    if (!storages.emplace(*key, content).second)
      fail(name, "lists storage ", shown(*key), " twice");
  }
  if (data.left() > 0) fail(name, "has ", data.left(), " bytes behind its last storage");
  TensorMaker maker(object, storages, file.size(), name, std::move(owner));
  return read_tensors(object, maker, name);
}

// --- the ZIP archive: PREFIX/data.pkl is the object, PREFIX/data/KEY are the storages

StateDict read_zip_format(Bytes file, const std::string& name, std::shared_ptr<const void> owner) {
  const auto entries = read_zip(file, name);
  constexpr std::string_view kObject = "/data.pkl";
  const auto is_object = [&](const auto& entry) { return entry.first.ends_with(kObject); };
  if (std::ranges::count_if(entries, is_object) != 1) {
    fail(name, "is a ZIP archive, but not one of torch.save: it has no single entry data.pkl");
  }
  const auto& [object_name, object_bytes] = *std::ranges::find_if(entries, is_object);
  const std::string prefix = object_name.substr(0, object_name.size() - kObject.size());
  const auto order = entries.find(prefix + "/byteorder");
  constexpr std::string_view kLittle = "little";
  if (order != entries.end() &&
      (order->second.size() != kLittle.size() ||
       std::memcmp(order->second.data(), kLittle.data(), kLittle.size()) != 0)) {
    fail(name, "was written on a big-endian machine, which is not supported");
  }
  const Pickle object = read_pickle(object_bytes, name);
  std::unordered_map<std::string, Bytes> storages;
  const std::string data_prefix = prefix + "/data/";
  for (const auto& [entry, bytes] : entries) {
    if (entry.starts_with(data_prefix)) storages.emplace(entry.substr(data_prefix.size()), bytes);
  }
  TensorMaker maker(object, storages, file.size(), name, std::move(owner));
  return read_tensors(object, maker, name);
}

}  // namespace

TorchFile read_torch(const std::string& path) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  return read_torch(file->bytes(), path, file);
}

TorchFile read_torch(Bytes file, const std::string& name, std::shared_ptr<const void> owner) {
  constexpr std::string_view kZip("PK\x03\x04", 4);
  if (file.size() >= kZip.size() && std::memcmp(file.data(), kZip.data(), kZip.size()) == 0) {
    return {TorchFormat::zip, read_zip_format(file, name, std::move(owner))};
  }
  return {TorchFormat::legacy, read_legacy(file, name, std::move(owner))};
}

}  // namespace rf
