// Valid detections, ground truth and lists to start wider_text_fuzz from.
#pragma once

#include <string>

void make_wider_text_seeds(const std::string& folder);
