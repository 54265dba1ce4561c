// One configuration of `bench`: the stages of one picture with the kernels and threads in use.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace rf::cli {

struct BenchSetup {
  std::string photo;  // empty: a synthetic picture
  std::string model;  // empty: the built-in one
  std::string size = "640x480";
  int runs = 0;                 // 0: as many as it takes
  std::int64_t started_ns = 0;  // of the steady clock, when this process was started; 0: not known
};

// Schema retinaface-bench/1 (docs/command-line.md). Throws what reading, decoding and the network
// throw.
[[nodiscard]] nlohmann::ordered_json bench_one(const BenchSetup& setup);

// The same as a Markdown table.
[[nodiscard]] std::string bench_one_text(const nlohmann::ordered_json& measured);

// "retinaface 0.1.0 (Release, GCC 12.2.0), AMD EPYC": what ran, where.
[[nodiscard]] std::string program_line();

}  // namespace rf::cli
