#include "retinaface/data/mtfl_attributes.hpp"

#include "engine/check.hpp"
#include "retinaface/evaluation/numbered_lines.hpp"

namespace rf {

std::map<std::string, std::size_t> parse_mtfl_poses(std::string_view text,
                                                    const std::string& name) {
  constexpr std::string_view kFolder = "images/";
  std::map<std::string, std::size_t> poses;
  NumberedLines lines(text, name);
  while (const std::optional<std::string_view> line = lines.next()) {
    if (line->empty()) continue;
    // Four numbers of one digit at the end; what is before them is the path.
    constexpr std::size_t kNumbers = std::string_view(" 1 2 2 3").size();
    bool fits = line->size() > kNumbers;
    const std::string_view numbers = fits ? line->substr(line->size() - kNumbers) : *line;
    for (std::size_t i = 0; fits && i < kNumbers; i += 2)
      fits = numbers[i] == ' ' && numbers[i + 1] >= '1' && numbers[i + 1] <= '5';
    if (!fits) lines.fail(quoted(*line) + " where a path, gender, smile, glasses and pose are due");
    std::string_view path = line->substr(0, line->size() - kNumbers);
    if (path.starts_with(kFolder)) path.remove_prefix(kFolder.size());
    poses[std::string(path)] = static_cast<std::size_t>(numbers.back() - '1');
  }
  return poses;
}

}  // namespace rf
