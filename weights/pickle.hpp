// Python's pickle, restricted to what files of weights need. A pickle is a program for a stack
// machine that may name any function to call; this machine knows five names (an ordered dictionary,
// two that rebuild a tensor, the types of storage) and refuses every other name and every opcode
// that has no business in a file of weights. Nothing is ever imported or called.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/shape.hpp"

namespace rf {

// Values refer to each other by index into Pickle::values, so that shared and even circular
// references are harmless: nothing is copied, and nothing is walked when they are destroyed.
using PickleRef = std::uint32_t;

enum class StorageType { f32, f64, f16, bf16, i64, i32, i8, u8 };

// The numbers of a storage are elsewhere in the file, under `key` (a string).
struct PickledStorage {
  StorageType type;
  PickleRef key;
  Index count;  // elements
};

// Element (i, j, ..) is number offset + i strides[0] + j strides[1] + .. of the storage. Rank at
// most 6; offset, sizes and strides are 0 or more. Whether the storage is long enough has not been
// checked.
struct PickledTensor {
  PickleRef storage;
  Index offset;
  std::vector<Index> sizes, strides;
};

struct PickledNone {};
struct PickledLong {  // an integer beyond 64 bits: two's complement, least significant byte first
  std::string bytes;
};
struct PickledBytes {
  std::string bytes;
};
struct PickledTuple {
  std::vector<PickleRef> items;
};
struct PickledList {
  std::vector<PickleRef> items;
};
struct PickledDict {  // in the order of insertion; a key may occur twice, then the last one counts
  std::vector<std::pair<PickleRef, PickleRef>> items;
};
struct PickledGlobal {
  enum class Kind { ordered_dict, rebuild_tensor, rebuild_parameter, storage_type };
  Kind kind;
  StorageType storage_type;
};

using PickleValue = std::variant<PickledNone, bool, Index, double, PickledLong, std::string,
                                 PickledBytes, PickledTuple, PickledList, PickledDict,
                                 PickledGlobal, PickledStorage, PickledTensor>;

struct Pickle {
  std::deque<PickleValue> values;
  PickleRef root = 0;
  std::size_t bytes = 0;  // how long the pickle was

  [[nodiscard]] const PickleValue& operator[](PickleRef ref) const { return values[ref]; }
  template <class T>
  [[nodiscard]] const T* get(PickleRef ref) const {
    return std::get_if<T>(&values[ref]);
  }
};

// Reads the pickle at the front of `bytes` (protocols 0 to 5). `where` begins messages. Throws
// FormatError, one line: another name ("pickle asks for os.system, ..."), another opcode, a stack
// that runs empty, the end of the bytes. Time and memory are at most proportional to the length,
// whatever is shared.
[[nodiscard]] Pickle read_pickle(std::span<const std::byte> bytes, const std::string& where);

}  // namespace rf
