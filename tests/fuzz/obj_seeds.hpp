// Valid OBJ files to start obj_fuzz from.
#pragma once

#include <string>

void make_obj_seeds(const std::string& folder);
