#include "weights/mxnet.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <vector>

#include "engine/file.hpp"
#include "weights/byte_reader.hpp"
#include "weights/half.hpp"
#include "weights/shown.hpp"

// list: u64 0x112, u64 reserved, u64 count, arrays, u64 count, names (u64 length, characters)
// array: u32 magic, i32 storage type, shape (u32 rank, i64 dimensions), i32 device type, i32
// device, i32 element type,
//        elements
namespace rf {

namespace {

constexpr std::uint64_t kListMagic = 0x112;
constexpr std::uint32_t kArrayV2 = 0xF993FAC9,
                        kArrayV3 = 0xF993FACA;  // V3: a rank of 0 is a scalar, not "nothing"
constexpr std::uint64_t kMaxArrays = 100'000;

struct ElementType {
  int code;
  DType dtype;
  std::optional<HalfKind> half;
  Index bytes;
};
constexpr std::array kElementTypes = {
    ElementType{0, DType::f32, {}, 4},
    ElementType{1, DType::f64, {}, 8},
    ElementType{2, DType::f32, HalfKind::f16, 2},
    ElementType{3, DType::u8, {}, 1},
    ElementType{4, DType::i32, {}, 4},
    ElementType{5, DType::i8, {}, 1},
    ElementType{6, DType::i64, {}, 8},
};

Shape read_shape(ByteReader& in, std::uint64_t index) {
  const auto rank = in.number<std::uint32_t>("an array's shape");
  if (rank > Shape::kMaxRank)
    in.fail("array ", index, " has rank ", rank, ", at most ", Shape::kMaxRank, " can be read");
  std::vector<Index> dims;
  Index elements = 1;
  for (std::uint32_t d = 0; d < rank; ++d) {
    dims.push_back(in.number<Index>("an array's shape"));
    if (dims.back() < 0) in.fail("array ", index, " has the dimension ", dims.back());
    if (__builtin_mul_overflow(elements, dims.back(), &elements))
      in.fail("array ", index, " has too many elements");
  }
  return Shape(dims);
}

Tensor read_array(ByteReader& in, std::uint64_t index, const std::shared_ptr<const void>& owner) {
  const auto magic = in.number<std::uint32_t>("an array");
  if (magic != kArrayV2 && magic != kArrayV3) {
    in.fail("array ", index, " begins with ", magic, ", versions 2 and 3 (", kArrayV2, " and ",
            kArrayV3, ") can be read");
  }
  const auto storage = in.number<std::int32_t>("an array");
  if (storage != 0)
    in.fail("array ", index, " is sparse (storage type ", storage,
            "), only dense arrays can be read");
  const Shape shape = read_shape(in, index);
  if (magic == kArrayV2 && shape.rank() == 0) in.fail("array ", index, " is empty");
  in.take(8, "an array");  // device type and number
  const auto code = in.number<std::int32_t>("an array");
  const auto* type = std::ranges::find(kElementTypes, code, &ElementType::code);
  if (type == kElementTypes.end())
    in.fail("array ", index, " has elements of type ", code, ", which cannot be read");
  Index bytes = 0;
  if (__builtin_mul_overflow(shape.numel(), type->bytes, &bytes))
    in.fail("array ", index, " has too many elements");
  const auto data = in.take(static_cast<std::uint64_t>(bytes), "an array");
  if (type->half) return widen(shape, *type->half, data);
  if (!data.empty() &&
      reinterpret_cast<std::uintptr_t>(data.data()) % static_cast<std::uintptr_t>(type->bytes) ==
          0) {
    return Tensor::borrow(shape, type->dtype, data.data(), owner);
  }
  Tensor copy = Tensor::empty(shape, type->dtype);
  if (!data.empty()) std::memcpy(copy.raw(), data.data(), data.size());
  return copy;
}

std::string_view without_prefix(std::string_view name) {
  for (const std::string_view prefix : {"arg:", "aux:"}) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

}  // namespace

StateDict read_mxnet(const std::string& path) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  return read_mxnet(file->bytes(), path, file);
}

StateDict read_mxnet(std::span<const std::byte> file, const std::string& name,
                     std::shared_ptr<const void> owner) {
  ByteReader in(file, name);
  if (in.number<std::uint64_t>("the head") != kListMagic) in.fail("is not a list of MXNet arrays");
  in.take(8, "the head");  // reserved
  const auto count = in.number<std::uint64_t>("the head");
  if (count > kMaxArrays) in.fail("claims ", count, " arrays, at most ", kMaxArrays, " are read");
  std::vector<Tensor> arrays;
  for (std::uint64_t i = 0; i < count; ++i) arrays.push_back(read_array(in, i, owner));
  const auto names = in.number<std::uint64_t>("the names");
  if (names != count) in.fail("has ", names, " names for ", count, " arrays");
  StateDict tensors;
  for (const Tensor& array : arrays) {
    const auto length = in.number<std::uint64_t>("the names");
    const std::string key(without_prefix(in.text(length, "the names")));
    if (!tensors.emplace(key, array).second) in.fail("names array ", shown(key), " twice");
  }
  if (in.left() > 0) in.fail("has ", in.left(), " bytes behind its last name");
  return tensors;
}

}  // namespace rf
