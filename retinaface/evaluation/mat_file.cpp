#include "retinaface/evaluation/mat_file.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "engine/inflate.hpp"

namespace rf {

namespace {

static_assert(std::endian::native == std::endian::little,
              "values are copied from little-endian files as they are");

using Bytes = std::span<const std::byte>;

constexpr std::size_t kHeaderBytes = 128;

// Types of data elements.
enum : std::uint32_t {
  kInt8 = 1,
  kUint8 = 2,
  kInt16 = 3,
  kUint16 = 4,
  kInt32 = 5,
  kUint32 = 6,
  kSingle = 7,
  kDouble = 9,
  kInt64 = 12,
  kUint64 = 13,
  kMatrix = 14,
  kCompressed = 15,
  kUtf8 = 16,
  kUtf16 = 17,
};

// Classes of arrays.
enum : std::uint32_t {
  kCellClass = 1,
  kCharClass = 4,
  kFirstNumericClass = 6,
  kLastNumericClass = 15
};

constexpr std::uint32_t kClassMask = 0xFF;

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

struct Element {
  std::uint32_t type = 0;
  Bytes data;
};

// Data elements one after another, each taken off the front.
struct Reader {
  Bytes bytes;

  bool done() const { return bytes.empty(); }

  // Throws FormatError without a file name: parse_mat adds it.
  Element next() {
    if (bytes.size() < 8) throw FormatError("truncated within the tag of a data element");
    const std::uint32_t first = load<std::uint32_t>(bytes.data());
    const std::uint32_t small_size = first >> 16;
    if (small_size != 0) {  // up to four bytes of data lie within the tag
      if (small_size > 4)
        throw FormatError(message("corrupt: a small data element of ", small_size, " bytes"));
      const Element element{first & 0xFFFF, bytes.subspan(4, small_size)};
      bytes = bytes.subspan(8);
      return element;
    }
    const std::size_t size = load<std::uint32_t>(bytes.data() + 4);
    if (size > bytes.size() - 8) {
      throw FormatError(message("truncated: a data element of ", size, " bytes, ", bytes.size() - 8,
                                " are left"));
    }
    const Element element{first, bytes.subspan(8, size)};
    // Data end at a multiple of eight bytes, save for compressed elements.
    const std::size_t padded = first == kCompressed ? size : (size + 7) / 8 * 8;
    bytes = bytes.subspan(8 + std::min(padded, bytes.size() - 8));
    return element;
  }

  Bytes next(std::uint32_t type, const char* what) {
    const Element element = next();
    if (element.type != type)
      throw FormatError(message("corrupt: ", what, " has data type ", element.type));
    return element.data;
  }
};

// Calls body(T{}) with the C++ type of a numeric data element.
template <class Body>
void with_type(std::uint32_t type, Body&& body) {
  switch (type) {
    case kInt8: return body(std::int8_t{});
    case kUint8: return body(std::uint8_t{});
    case kInt16: return body(std::int16_t{});
    case kUint16: return body(std::uint16_t{});
    case kInt32: return body(std::int32_t{});
    case kUint32: return body(std::uint32_t{});
    case kSingle: return body(float{});
    case kDouble: return body(double{});
    case kInt64: return body(std::int64_t{});
    case kUint64: return body(std::uint64_t{});
    default: throw FormatError(message("corrupt: data type ", type, " where numbers are due"));
  }
}

void append_utf8(std::string& text, std::uint32_t code) {
  const auto put = [&text](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

class Parser {
 public:
  explicit Parser(const MatLimits& limits) : limits_(limits) {}

  MatVariables variables(Bytes file) {
    MatVariables found;
    Reader reader{file};
    while (!reader.done()) {
      Element element = reader.next();
      std::vector<std::byte> inflated;
      if (element.type == kCompressed) {
        inflated = inflate_zlib(element.data, limits_.inflated_bytes - inflated_);
        inflated_ += static_cast<Index>(inflated.size());
        element = Reader{inflated}.next();
      }
      if (element.type != kMatrix) continue;  // nothing else can be a variable
      std::string name;
      MatArray array = parse_array(element.data, 0, name);
      if (!found.emplace(name, std::move(array)).second) {
        throw FormatError(message("corrupt: variable \"", name, "\" twice"));
      }
    }
    return found;
  }

 private:
  MatArray parse_array(Bytes data, int depth, std::string& name) {
    if (depth > limits_.depth)
      throw FormatError(message("cells are nested deeper than ", limits_.depth));
    spend(arrays_, 1, limits_.arrays, "arrays");
    MatArray array;
    if (data.empty()) return array;  // MATLAB's placeholder for a cell that was never filled
    Reader reader{data};
    const Bytes flags = reader.next(kUint32, "an array's flags");
    if (flags.size() != 8) throw FormatError("corrupt: an array's flags are not 8 bytes");
    const std::uint32_t array_class = load<std::uint32_t>(flags.data()) & kClassMask;

    const Bytes dims = reader.next(kInt32, "an array's dimensions");
    if (dims.size() < 8 || dims.size() % 4 != 0 || dims.size() > 4 * 32) {
      throw FormatError(message("corrupt: an array's dimensions take ", dims.size(), " bytes"));
    }
    Index count = 1;
    for (std::size_t i = 0; i < dims.size(); i += 4) {
      const Index size = load<std::int32_t>(dims.data() + i);
      if (size < 0) throw FormatError(message("corrupt: an array has a dimension of ", size));
      array.dims.push_back(size);
      // Bounded at each step, so that the product cannot overflow; a later 0 still makes it 0.
      if (count > 0 && size > 0 && count > kMaxCount / size) {
        throw FormatError(message("corrupt: an array of more than ", kMaxCount, " elements"));
      }
      count *= size;
    }
    const Bytes name_bytes = reader.next(kInt8, "an array's name");
    name.assign(reinterpret_cast<const char*>(name_bytes.data()), name_bytes.size());

    if (array_class == kCellClass) {
      array.kind = MatArray::Kind::cell;
      parse_cells(reader, count, depth, array.cells);
    } else if (array_class == kCharClass) {
      array.kind = MatArray::Kind::text;
      if (count > 0) parse_text(reader.next(), count, array.text);
    } else if (array_class >= kFirstNumericClass && array_class <= kLastNumericClass) {
      if (count > 0) parse_numbers(reader.next(), count, array.numbers);
    } else {
      array.kind = MatArray::Kind::other;
    }
    return array;
  }

  void parse_cells(Reader& reader, Index count, int depth, std::vector<MatArray>& cells) {
    // Each cell has a tag of eight bytes at least: a count that the data cannot hold is refused
    // before any memory.
    if (count > static_cast<Index>(reader.bytes.size() / 8)) {
      throw FormatError(
          message("truncated: a cell array of ", count, " in ", reader.bytes.size(), " bytes"));
    }
    check(arrays_, count, limits_.arrays, "arrays");
    cells.reserve(static_cast<std::size_t>(count));
    std::string ignored_name;
    for (Index i = 0; i < count; ++i) {
      cells.push_back(parse_array(reader.next(kMatrix, "a cell"), depth + 1, ignored_name));
    }
  }

  void parse_numbers(const Element& element, Index count, std::vector<double>& numbers) {
    with_type(element.type, [&](auto zero) {
      using T = decltype(zero);
      check_size(element, count, sizeof(T));
      spend(values_, count, limits_.values, "values");
      numbers.reserve(static_cast<std::size_t>(count));
      for (Index i = 0; i < count; ++i) {
        numbers.push_back(
            static_cast<double>(load<T>(element.data.data() + i * static_cast<Index>(sizeof(T)))));
      }
    });
  }

  void parse_text(const Element& element, Index count, std::string& text) {
    spend(values_, static_cast<Index>(element.data.size()), limits_.values, "characters");
    if (element.type == kUtf8) {  // `count` is of characters, bytes may be more
      text.assign(reinterpret_cast<const char*>(element.data.data()), element.data.size());
      return;
    }
    const std::uint32_t type = element.type == kUtf16 ? std::uint32_t{kUint16} : element.type;
    if (type != kInt8 && type != kUint8 && type != kUint16) {
      throw FormatError(message("corrupt: data type ", type, " where characters are due"));
    }
    with_type(type, [&](auto zero) {
      using T = decltype(zero);
      check_size(element, count, sizeof(T));
      for (Index i = 0; i < count; ++i) {
        const T unit = load<T>(element.data.data() + i * static_cast<Index>(sizeof(T)));
        if constexpr (std::is_integral_v<T>) {
          append_utf8(text, static_cast<std::uint16_t>(static_cast<std::make_unsigned_t<T>>(unit)));
        }
      }
    });
  }

  static void check_size(const Element& element, Index count, std::size_t value_bytes) {
    const Index held = static_cast<Index>(element.data.size() / value_bytes);
    if (held != count || element.data.size() % value_bytes != 0) {
      throw FormatError(message("corrupt: an array of ", count, " elements has ",
                                element.data.size(), " bytes of data"));
    }
  }

  static void check(Index used, Index more, Index limit, const char* what) {
    if (more > limit - used) throw FormatError(message("holds more than ", limit, " ", what));
  }

  static void spend(Index& used, Index more, Index limit, const char* what) {
    check(used, more, limit, what);
    used += more;
  }

  static constexpr Index kMaxCount = Index{1} << 40;

  MatLimits limits_;
  Index inflated_ = 0, values_ = 0, arrays_ = 0;
};

}  // namespace

MatVariables parse_mat(std::span<const std::byte> file, const std::string& name,
                       const MatLimits& limits) {
  if (file.size() < kHeaderBytes) {
    throw FormatError(
        message(name, ": not a MAT-file: ", file.size(), " bytes, its header alone has 128"));
  }
  const auto mark = [&file](std::size_t at) { return std::to_integer<char>(file[at]); };
  if (mark(126) == 'M' && mark(127) == 'I') {
    throw FormatError(
        message(name, ": a big-endian MAT-file; save it again on a little-endian machine"));
  }
  if (mark(126) != 'I' || mark(127) != 'M') {
    throw FormatError(message(name, ": not a MAT-file of level 5 (MATLAB: save -v7)"));
  }
  const std::uint16_t version = load<std::uint16_t>(file.data() + 124);
  if (version != 0x0100) {
    throw FormatError(message(name, ": MAT-file version ", version >> 8, ".", version & 0xFF,
                              ", only level 5 is read (MATLAB: save -v7)"));
  }
  try {
    return Parser(limits).variables(file.subspan(kHeaderBytes));
  } catch (const FormatError& error) {
    throw FormatError(message(name, ": ", error.what()));
  }
}

MatVariables read_mat(const std::string& path, const MatLimits& limits) {
  return parse_mat(read_file(path, limits.file_bytes), path, limits);
}

}  // namespace rf
