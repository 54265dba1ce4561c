#include "retinaface/training/history.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "retinaface/evaluation/numbered_lines.hpp"
#include "retinaface/training/step_table.hpp"

namespace rf {

namespace {

constexpr Index kMaxFileBytes = Index{1} << 30;

template <class Row>
struct Column {
  const char* name;
  std::variant<Index Row::*, double Row::*> member;
};

// The first column is the step by which rows are ordered.
constexpr std::array<Column<MetricsRow>, 13> kMetrics{{
    {"step", &MetricsRow::step},
    {"epoch", &MetricsRow::epoch},
    {"images", &MetricsRow::images},
    {"learning_rate", &MetricsRow::learning_rate},
    {"loss", &MetricsRow::loss},
    {"cls", &MetricsRow::cls},
    {"box", &MetricsRow::box},
    {"landmark", &MetricsRow::landmark},
    {"teacher", &MetricsRow::teacher},
    {"dense", &MetricsRow::dense},
    {"grad_norm", &MetricsRow::grad_norm},
    {"seconds_per_image", &MetricsRow::seconds_per_image},
    {"wait_share", &MetricsRow::wait_share},
}};
constexpr std::array<Column<ValidationRow>, 5> kValidation{{
    {"step", &ValidationRow::step},
    {"epoch", &ValidationRow::epoch},
    {"ap", &ValidationRow::ap},
    {"recall", &ValidationRow::recall},
    {"faces", &ValidationRow::faces},
}};

void append_number(std::string& text, Index value) { text += std::to_string(value); }
void append_number(std::string& text, double value) { text += csv_number(value); }

// One line, with its end, of what `write` makes of each column.
template <class Row, class Write>
std::string line_of(std::span<const Column<Row>> columns, Write&& write) {
  std::string line;
  for (const Column<Row>& column : columns) {
    write(line, column);
    line += &column == &columns.back() ? '\n' : ',';
  }
  return line;
}

template <class Row>
std::string header_of(std::span<const Column<Row>> columns) {
  return line_of(columns, [](std::string& line, const Column<Row>& c) { line += c.name; });
}

template <class Row>
void append(std::span<const Column<Row>> columns, const std::string& path, const Row& row) {
  const std::string line = line_of(columns, [&](std::string& text, const Column<Row>& c) {
    std::visit([&](auto member) { append_number(text, row.*member); }, c.member);
  });
  append_line(path, header_of(columns), line);
}

template <class Row>
Row parse_row(std::span<const Column<Row>> columns, std::string_view line,
              const NumberedLines& lines) {
  Row row;
  const char* at = line.data();
  const char* const line_end = at + line.size();
  for (const Column<Row>& column : columns) {
    const auto [end, error] = std::visit(
        [&](auto member) { return std::from_chars(at, line_end, row.*member); }, column.member);
    const bool last = &column == &columns.back();
    if (error != std::errc() || (last ? end != line_end : end == line_end || *end != ',')) {
      lines.fail(message(quoted(line), " where ", columns.size(), " numbers are due, ", column.name,
                         " among them"));
    }
    at = end + 1;
  }
  return row;
}

template <class Row>
struct Table {
  std::vector<Row> rows;
  std::string kept;   // the text of these rows, and of the header
  bool whole = true;  // whether `kept` is the whole file
};

// The rows up to `last_step`; the others are judged too.
template <class Row>
Table<Row> read_table(std::span<const Column<Row>> columns, const std::string& path,
                      Index last_step) {
  Table<Row> table;
  std::error_code ignored;
  const auto type = std::filesystem::symlink_status(path, ignored).type();
  if (type == std::filesystem::file_type::not_found) return table;
  const std::vector<std::byte> bytes = read_file(path, kMaxFileBytes);
  const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string_view text = file.substr(0, file.rfind('\n') + 1);  // npos + 1 is 0
  NumberedLines lines(text, path);
  std::string header = header_of(columns);
  std::size_t kept = 0, at = 0;
  Index step = -1;
  while (const auto line = lines.next()) {
    at = text.find('\n', at) + 1;
    if (!header.empty()) {
      header.pop_back();
      if (*line != header) {
        lines.fail(message(quoted(*line), " where the columns are due: ", header));
      }
      header.clear();
      kept = at;
      continue;
    }
    const Row row = parse_row(columns, *line, lines);
    if (row.step <= step) lines.fail(message("step ", row.step, " after step ", step));
    step = row.step;
    if (step > last_step) continue;
    table.rows.push_back(row);
    kept = at;
  }
  table.kept = text.substr(0, kept);
  table.whole = kept == file.size();
  return table;
}

constexpr Index kAllSteps = std::numeric_limits<Index>::max();

template <class Row>
std::vector<Row> truncate(std::span<const Column<Row>> columns, const std::string& path,
                          Index step) {
  Table<Row> table = read_table(columns, path, step);
  if (!table.whole) write_file(path, table.kept, IfExists::replace);
  return std::move(table.rows);
}

}  // namespace

void append_metrics(const std::string& path, const MetricsRow& row) {
  append<MetricsRow>(kMetrics, path, row);
}

void append_validation(const std::string& path, const ValidationRow& row) {
  append<ValidationRow>(kValidation, path, row);
}

std::vector<MetricsRow> read_metrics(const std::string& path) {
  return read_table<MetricsRow>(kMetrics, path, kAllSteps).rows;
}

std::vector<ValidationRow> read_validation(const std::string& path) {
  return read_table<ValidationRow>(kValidation, path, kAllSteps).rows;
}

std::vector<MetricsRow> truncate_metrics(const std::string& path, Index step) {
  return truncate<MetricsRow>(kMetrics, path, step);
}

std::vector<ValidationRow> truncate_validation(const std::string& path, Index step) {
  return truncate<ValidationRow>(kValidation, path, step);
}

}  // namespace rf
