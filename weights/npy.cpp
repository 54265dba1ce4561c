#include "weights/npy.hpp"

#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/file.hpp"
#include "weights/byte_reader.hpp"
#include "weights/shown.hpp"

// "\x93NUMPY", u8 major, u8 minor, length of the text (u16 in version 1, u32 after), the text,
// elements text: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
namespace rf {

namespace {

struct ElementType {
  std::string_view code;
  DType dtype;
  Index bytes;
};
constexpr std::array kElementTypes = {
    ElementType{"<f4", DType::f32, 4}, ElementType{"<f8", DType::f64, 8},
    ElementType{"<i4", DType::i32, 4}, ElementType{"<i8", DType::i64, 8},
    ElementType{"|u1", DType::u8, 1}};

struct Header {
  std::optional<ElementType> type;
  std::optional<Shape> shape;
  bool ordered = false;  // 'fortran_order' was there
};

// The text of the header, a Python dictionary of three entries.
class HeaderText {
 public:
  HeaderText(const ByteReader& in, std::string_view text) : in_(in), text_(text), rest_(text) {}

  Header read() {
    Header header;
    expect('{');
    while (!next_is('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr") {
        header.type = type();
      } else if (key == "fortran_order") {
        order(), header.ordered = true;
      } else if (key == "shape") {
        header.shape = shape();
      } else {
        in_.fail("its header has the entry ", shown(key));
      }
      if (!next_is(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (!rest_.empty() || !header.type || !header.shape || !header.ordered) refuse();
    return header;
  }

 private:
  [[noreturn]] void refuse() const { in_.fail("its header cannot be read: ", shown(text_)); }
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n'))
      rest_.remove_prefix(1);
  }
  bool next_is(char c) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!next_is(c)) refuse();
  }
  std::string_view quoted() {
    expect('\'');
    const std::size_t end = rest_.find('\'');
    if (end == std::string_view::npos) refuse();
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }
  ElementType type() {
    const std::string_view code = quoted();
    for (const ElementType& known : kElementTypes) {
      if (known.code == code) return known;
    }
    in_.fail("has elements of type ", shown(code), "; <f4, <f8, <i4, <i8 and |u1 can be read");
  }
  void order() {
    skip_blanks();
    constexpr std::string_view kNo = "False";
    if (!rest_.starts_with(kNo)) in_.fail("its array is not in C order");
    rest_.remove_prefix(kNo.size());
  }
  Shape shape() {
    std::vector<Index> sizes;
    Index elements = 1;
    for (expect('('); !next_is(')'); (void)next_is(',')) {
      sizes.push_back(number());
      if (sizes.size() > Shape::kMaxRank)
        in_.fail("has more than ", Shape::kMaxRank, " dimensions");
      if (__builtin_mul_overflow(elements, sizes.back(), &elements))
        in_.fail("has too many elements");
    }
    return Shape(sizes);
  }
  Index number() {
    skip_blanks();
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') refuse();
    Index value = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; rest_.remove_prefix(1)) {
      if (__builtin_mul_overflow(value, Index{10}, &value) ||
          __builtin_add_overflow(value, Index{rest_.front() - '0'}, &value))
        in_.fail("has a dimension of more than 2^63");
    }
    return value;
  }

  const ByteReader& in_;
  std::string_view text_, rest_;
};

}  // namespace

Tensor read_npy(const std::string& path) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  return read_npy(file->bytes(), path);
}

Tensor read_npy(std::span<const std::byte> file, const std::string& name) {
  ByteReader in(file, name);
  if (in.text(6, "the head") != "\x93NUMPY") in.fail("is no NumPy array");
  const auto major = in.number<std::uint8_t>("the head");
  in.take(1, "the head");
  if (major < 1 || major > 3)
    in.fail("is of version ", static_cast<int>(major), ", 1 to 3 can be read");
  const std::uint64_t length =
      major == 1 ? in.number<std::uint16_t>("the head") : in.number<std::uint32_t>("the head");
  const Header header = HeaderText(in, in.text(length, "the header")).read();
  Index bytes = 0;
  if (__builtin_mul_overflow(header.shape->numel(), header.type->bytes, &bytes))
    in.fail("has too many elements");
  const auto data = in.take(static_cast<std::uint64_t>(bytes), "the elements");
  if (in.left() > 0) in.fail("has ", in.left(), " bytes behind its elements");
  Tensor array = Tensor::empty(*header.shape, header.type->dtype);
  if (!data.empty()) std::memcpy(array.raw(), data.data(), data.size());
  return array;
}

}  // namespace rf
