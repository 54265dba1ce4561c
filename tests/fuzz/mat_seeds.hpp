// Valid MAT-files to start mat_fuzz from.
#pragma once

#include <string>

void make_mat_seeds(const std::string& folder);
