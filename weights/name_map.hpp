// Published networks under other names: which tensors a file of one layout holds, what we call
// them, and what the numbers mean. The layouts are data, weights/name_maps/*.json;
// docs/weights-format.md says how to write one.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/state_dict.hpp"

namespace rf {

struct NameMap {
  struct Entry {
    std::string from, to;
    Shape shape;
    std::vector<Index> rows = {};  // our row r is their row rows[r]; empty: the same order
    std::string minus = {};  // their tensor of this shape that is subtracted, if it has a name
    double plus = 0;         // added to every element
  };
  enum class Role { detector, backbone };

  std::string layout;  // for people
  Role role = Role::detector;
  std::vector<Entry> entries;
  std::vector<std::string> ignored;  // names, or "*" and an ending
  std::string description;           // JSON, schema retinaface-model/1; empty for a backbone
  std::string backbone;              // what a description calls it; empty for a detector
};

// The layouts of one file, at least one. Throws FormatError, one line that begins with `where`.
[[nodiscard]] std::vector<NameMap> parse_name_maps(std::string_view json_text,
                                                   const std::string& where);

// The layouts that are part of the program.
[[nodiscard]] const std::vector<NameMap>& published_name_maps();

// How a file differs from a layout.
struct NameMapFit {
  std::size_t found = 0;
  std::vector<std::string> missing;  // names of the layout that the file lacks
  std::vector<std::string>
      unexpected;  // names of the file that the layout neither knows nor ignores
};
[[nodiscard]] NameMapFit fit(const NameMap& map, const StateDict& tensors);

// Our names, f32. Requires that nothing is missing. Throws ShapeError: another shape, elements that
// are not floats.
[[nodiscard]] StateDict apply(const NameMap& map, const StateDict& tensors);

struct EmbeddedText {
  std::string_view name, text;
};
[[nodiscard]] std::span<const EmbeddedText> embedded_name_maps();

}  // namespace rf
