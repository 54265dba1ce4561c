#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "engine/check.hpp"
#include "engine/kernels/table.hpp"
#include "tests/engine/own_process.hpp"
#include "tests/support.hpp"

namespace rf::test {

TEST_CASE("dispatch: prints the table that RF_ISA chooses", "[.rf_isa]") {
  try {
    answer(kernels().name + std::string(" by ") + kernels_reason());
  } catch (const UsageError& error) {
    answer(std::string("UsageError: ") + error.what());
  }
}

TEST_CASE("dispatch: every table is complete and named once; scalar is always there",
          "[dispatch]") {
  const auto& tables = supported_kernel_tables();
  REQUIRE(!tables.empty());
  CHECK(tables.front() == &isa::scalar);
  std::set<std::string> names;
  for (const KernelTable* table : tables) {
    CAPTURE(table->name);
    CHECK(names.insert(table->name).second);
    const auto& all = all_kernel_table_names();
    CHECK(std::count(all.begin(), all.end(), table->name) == 1);
    CHECK(table->conv2d_scratch_bytes != nullptr);
    CHECK(table->conv2d != nullptr);
    CHECK(table->multiply_add != nullptr);
    CHECK(table->batch_norm != nullptr);
    CHECK(table->relu != nullptr);
    CHECK(table->leaky_relu != nullptr);
    CHECK(table->add != nullptr);
    CHECK(table->max_pool2d != nullptr);
    CHECK(table->softmax != nullptr);
    CHECK(table->linear != nullptr);
    CHECK(table->resize_bilinear != nullptr);
  }
}

TEST_CASE("dispatch: RF_ISA chooses each table this CPU runs; unset or empty, the best",
          "[dispatch]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    CHECK(answer_of("rf_isa", "RF_ISA", table->name) == table->name + std::string(" by RF_ISA"));
  }
  const std::string best = supported_kernel_tables().back()->name;
  CHECK(answer_of("rf_isa", "RF_ISA", "").starts_with(best + " by best of scalar"));
}

TEST_CASE("dispatch: RF_ISA with a table this build or CPU lacks is an error, not a fallback",
          "[dispatch]") {
  std::vector<std::string> unknown{"AVX2", "avx2 ", "fastest"};
  const std::vector<std::string>& known = all_kernel_table_names();
  for (const char* name : {"avx2", "neon"}) {  // of two architectures
    if (std::find(known.begin(), known.end(), name) == known.end()) unknown.emplace_back(name);
  }
  REQUIRE(unknown.size() > 3);
  for (const std::string& name : unknown) {
    const std::string text = answer_of("rf_isa", "RF_ISA", name);
    CAPTURE(text);
    CHECK(text.starts_with("UsageError: RF_ISA=" + name + ":"));
    CHECK(text.find("scalar") != std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
  }
  std::vector<std::string> missing = all_kernel_table_names();
  for (const KernelTable* table : supported_kernel_tables()) std::erase(missing, table->name);
  if (missing.empty())
    skip("this CPU runs every table: no refusal of a table that exists can be tried");
  for (const std::string& name : missing)
    CHECK(answer_of("rf_isa", "RF_ISA", name).starts_with("UsageError"));
}

TEST_CASE("dispatch: use_kernels replaces the table for everyone", "[dispatch]") {
  const KernelTable& before = kernels();
  for (const KernelTable* table : supported_kernel_tables()) {
    use_kernels(*table);
    CHECK(&kernels() == table);
  }
  use_kernels(before);
}

}  // namespace rf::test
