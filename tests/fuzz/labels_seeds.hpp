// Valid label files to start labels_fuzz from.
#pragma once

#include <string>

void make_labels_seeds(const std::string& folder);
