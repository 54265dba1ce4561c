// `bench` over instruction sets, thread counts and sizes, each in a process of its own: its start,
// its memory and its peak are then nobody else's.
#pragma once

#include <string>
#include <vector>

namespace rf::cli {

struct BenchGrid {
  std::string model;               // empty: the built-in one
  std::vector<std::string> sizes;  // size rules
  std::vector<std::string> isas;
  std::vector<int> threads;
  int runs = 0;  // as BenchSetup's
};

// What is empty: 320x320 to 4096x2160; every table this CPU runs, or the one of RF_ISA; 1, 2, 4, ..
// up to the thread limit.
void fill_in(BenchGrid& grid);

// Prints a Markdown table, each row when it is known, or in the end one JSON object of the schema
// retinaface-bench-grid/1. A row that fails is told on stderr. Gives the exit code. Throws
// ModelError before anything is printed.
[[nodiscard]] int bench_grid(const BenchGrid& grid, bool json);

}  // namespace rf::cli
