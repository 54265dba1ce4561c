#pragma once

#include <string>

// Writes a handful of small valid pictures into `folder`: every format, and the variants that our
// writer does not make.
void make_image_seeds(const std::string& folder);
