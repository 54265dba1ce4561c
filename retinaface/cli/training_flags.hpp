// What the trainings on the command line share: where they go on, what a resumed one may not
// change, and how they are stopped.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "retinaface/cli/flags.hpp"

namespace rf::cli {

// Set by SIGINT and SIGTERM from this call on; a second signal ends the process at once.
[[nodiscard]] const std::atomic<bool>& stop_on_signals();

// Throws UsageError: the folder holds a training already.
void refuse_other_training(const std::string& folder);

// The checkpoint that --resume names: a file, or the last one of a run's folder. Throws UsageError.
[[nodiscard]] std::string find_checkpoint(const std::string& where);

// The folder that a resumed run writes to: that of its checkpoint unless `given` names another,
// which must not hold a training. Throws UsageError.
[[nodiscard]] std::string resumed_folder(const std::string& checkpoint, const std::string& given);

using DescribedOptions = std::vector<std::pair<std::string, std::string>>;  // names, values

// Flags may repeat what the checkpoint says, and nothing else. Throws UsageError.
void refuse_changes(const CLI::App& verb, const DescribedOptions& given,
                    const DescribedOptions& then);

template <class T>
constexpr bool kIsList = false;
template <class T>
constexpr bool kIsList<std::vector<T>> = true;

// A flag for each of the options.
template <class Options>
void add_option_flags(CLI::App& verb, Options& options) {
  for_each_option(options, [&]<class T>(const char* name, T& value, const char* help) {
    CLI::Option* option = verb.add_option(message("--", name), value, help);
    option->group("What is learned, and how")->capture_default_str();
    if constexpr (kIsList<T>) option->delimiter(',');
    // CLI11 would take -1 for the largest number there is.
    if constexpr (std::is_same_v<T, std::uint64_t>)
      option->check(number_between(0, 9007199254740992.0));
  });
}

}  // namespace rf::cli
