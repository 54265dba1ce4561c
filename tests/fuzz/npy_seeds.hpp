#pragma once

#include <string>

namespace rf::test {

// Writes a handful of valid files into the folder.
void make_npy_seeds(const std::string& folder);

}  // namespace rf::test
