#include "retinaface/mesh/obj_file.hpp"

#include <charconv>
#include <cmath>
#include <optional>
#include <system_error>

#include "engine/check.hpp"
#include "retinaface/mesh/vector3.hpp"

namespace rf {

namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";
constexpr std::size_t kMostCorners = 65536;  // bounds what one line can take besides its triangles

// The first word of `rest`, which loses it; empty at the end.
std::string_view next_word(std::string_view& rest) {
  const std::size_t first = rest.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return rest = {};
  rest.remove_prefix(first);
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlanks));
  rest.remove_prefix(word.size());
  return word;
}

// For a message: shortened, without what is not printable.
std::string quoted_word(std::string_view word) {
  constexpr std::size_t kLongest = 40;
  std::string text = "\"";
  for (const char c : word.substr(0, kLongest)) text += c > ' ' && c <= '~' ? c : '?';
  return text + (word.size() > kLongest ? "...\"" : "\"");
}

// Statements of the text: lines, joined where one ends in a backslash, without comments.
class Statements {
 public:
  explicit Statements(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);  // what some editors begin with
  }

  // False at the end of the text.
  bool next() {
    if (rest_.empty()) return false;
    line_ = following_++;
    statement_ = take_line();
    // A comment's backslash is the end of a path as often as not, and hides no line.
    if (!continues() || is_comment()) return cut_comment();
    joined_.clear();
    while (continues()) {
      joined_.append(statement_.substr(0, statement_.size() - 1));
      joined_ += ' ';
      statement_ = take_line();
      ++following_;
    }
    joined_.append(statement_);
    statement_ = joined_;
    return cut_comment();
  }

  [[nodiscard]] std::string_view statement() const { return statement_; }
  [[nodiscard]] Index line() const { return line_; }  // its first

 private:
  std::string_view take_line() {
    const std::size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  [[nodiscard]] bool continues() const { return statement_.ends_with('\\'); }
  [[nodiscard]] bool is_comment() const {
    const std::size_t first = statement_.find_first_not_of(kBlanks);
    return first != std::string_view::npos && statement_[first] == '#';
  }
  bool cut_comment() {
    statement_ = statement_.substr(0, statement_.find('#'));
    return true;
  }

  std::string_view rest_, statement_;
  std::string joined_;
  Index line_ = 0, following_ = 1;
};

class Reader {
 public:
  Reader(std::string_view text, const std::string& name, const ObjOptions& options)
      : statements_(text), name_(name), options_(options) {}

  TriangleMesh read() {
    while (statements_.next()) {
      std::string_view rest = statements_.statement();
      const std::string_view keyword = next_word(rest);
      if (keyword == "v") add_vertex(rest);
      if (keyword == "f") add_face(rest);
    }
    if (mesh_.vertices.empty()) {
      throw FormatError(
          message(name_, ": holds no vertex, which in an OBJ file is a line 'v x y z'"));
    }
    return std::move(mesh_);
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw FormatError(message(name_, ":", statements_.line(), ": ", problem));
  }

  [[nodiscard]] double number(std::string_view word) const {
    const char* end = word.data() + word.size();
    const char* begin = word.data() + (word.size() > 1 && word[0] == '+' && word[1] != '-');
    double value = 0;
    const auto [stop, error] = std::from_chars(begin, end, value);
    if (error == std::errc::result_out_of_range ||
        (stop == end && error == std::errc() && !(std::abs(value) <= kLargestCoordinate))) {
      fail(message("the number ", quoted_word(word), " is not finite or does not fit in a float"));
    }
    if (error != std::errc() || stop != end)
      fail(message(quoted_word(word), " where a number is due"));
    return value;
  }

  void add_vertex(std::string_view rest) {
    std::array<double, 6> values{};
    std::size_t count = 0;
    for (std::string_view word; !(word = next_word(rest)).empty(); ++count) {
      if (count == values.size()) fail("more than 6 numbers; a vertex has 3, 4 or 6");
      values[count] = number(word);
    }
    // The fourth of four is the weight of rational surfaces, which meshes do not have.
    if (count != 3 && count != 4 && count != 6)
      fail(message(count, " numbers; a vertex has 3, 4, or 6 with its colour"));
    const bool coloured = count == 6;
    if (!mesh_.vertices.empty() && coloured == mesh_.colours.empty()) {
      fail(message("a vertex with", coloured ? "" : "out", " a colour, unlike those before it"));
    }
    if (coloured) {
      for (std::size_t i = 3; i < 6; ++i) {
        if (!(values[i] >= 0 && values[i] <= 1))
          fail(message("the colour ", values[i], " is not a number from 0 to 1"));
      }
      mesh_.colours.push_back({values[3], values[4], values[5]});
    }
    mesh_.vertices.push_back({values[0], values[1], values[2]});
  }

  // An index of the file: from 1, or from -1 backwards. Nothing if `text` is none.
  static std::optional<Index> index(std::string_view text) {
    Index value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || stop != text.data() + text.size() || value == 0) return {};
    return value;
  }

  // "v", "v/vt", "v//vn" or "v/vt/vn": the row of v.
  [[nodiscard]] Index corner(std::string_view word) const {
    const std::size_t slash = word.find('/');
    const std::optional<Index> vertex = index(word.substr(0, slash));
    bool sound = vertex.has_value();
    if (slash != std::string_view::npos) {
      const std::string_view others = word.substr(slash + 1);
      const std::size_t second = others.find('/');
      const bool normal = second != std::string_view::npos;
      if (!normal || second > 0) sound = sound && index(others.substr(0, second));
      if (normal) sound = sound && index(others.substr(second + 1));
    }
    if (!sound) {
      fail(message(quoted_word(word),
                   " where a corner is due: v, v/vt, v//vn or v/vt/vn, counted from 1, or from -1 "
                   "backwards"));
    }
    const Index count = static_cast<Index>(mesh_.vertices.size());
    if (*vertex > count || *vertex < -count)
      fail(message("vertex ", *vertex, ", but ", count, " vertices stand above this line"));
    return *vertex > 0 ? *vertex - 1 : count + *vertex;
  }

  [[nodiscard]] double distance2(Index a, Index b) const {
    const auto d = vector3::minus(mesh_.vertices[static_cast<std::size_t>(a)],
                                  mesh_.vertices[static_cast<std::size_t>(b)]);
    return vector3::dot(d, d);
  }

  // Whether a face of four corners is cut from its second to its last.
  [[nodiscard]] bool splits_at_second(const std::vector<Index>& c) const {
    const std::size_t next = mesh_.triangles.size();
    if (options_.split_as && next < options_.split_as->triangles.size())
      return options_.split_as->triangles[next] == std::array{c[0], c[1], c[3]};
    return distance2(c[1], c[3]) < distance2(c[0], c[2]);
  }

  void add_face(std::string_view rest) {
    corners_.clear();
    for (std::string_view word; !(word = next_word(rest)).empty();) {
      if (corners_.size() == kMostCorners)
        fail(message("a face of more than ", kMostCorners, " corners"));
      corners_.push_back(corner(word));
    }
    const auto& c = corners_;
    if (c.size() < 3) fail(message("a face of ", c.size(), " corners; it has at least 3"));
    if (c.size() == 4 && splits_at_second(c)) {
      mesh_.triangles.push_back({c[0], c[1], c[3]});
      mesh_.triangles.push_back({c[1], c[2], c[3]});
      return;
    }
    for (std::size_t i = 2; i < c.size(); ++i) mesh_.triangles.push_back({c[0], c[i - 1], c[i]});
  }

  Statements statements_;
  const std::string& name_;
  const ObjOptions& options_;
  TriangleMesh mesh_;
  std::vector<Index> corners_;
};

void append_number(std::string& text, double value) {
  std::array<char, 32> digits{};
  const float single = static_cast<float>(value);
  const auto result = static_cast<double>(single) == value
                          ? std::to_chars(digits.data(), digits.data() + digits.size(), single)
                          : std::to_chars(digits.data(), digits.data() + digits.size(), value);
  text.append(digits.data(), result.ptr);
}

}  // namespace

TriangleMesh parse_obj(std::string_view text, const std::string& name, const ObjOptions& options) {
  if (text.find('\0') != std::string_view::npos)
    throw FormatError(message(name, ": an OBJ file is text, this one holds zero bytes"));
  return Reader(text, name, options).read();
}

TriangleMesh read_obj(const std::string& path, const ObjOptions& options) {
  const std::vector<std::byte> bytes = read_file(path, kLargestObjBytes);
  return parse_obj({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path, options);
}

std::string obj_text(const TriangleMesh& mesh) {
  check_mesh(mesh, "OBJ");
  std::string text;
  for (std::size_t v = 0; v < mesh.vertices.size(); ++v) {
    text += 'v';
    const auto append = [&text](const std::array<double, 3>& numbers) {
      for (const double x : numbers) append_number(text += ' ', x);
    };
    append(mesh.vertices[v]);
    if (!mesh.colours.empty()) append(mesh.colours[v]);
    text += '\n';
  }
  for (const auto& triangle : mesh.triangles) {
    text += 'f';
    for (const Index v : triangle) text += ' ' + std::to_string(v + 1);
    text += '\n';
  }
  return text;
}

void write_obj(const std::string& path, const TriangleMesh& mesh, IfExists if_exists) {
  write_file(path, obj_text(mesh), if_exists);
}

}  // namespace rf
