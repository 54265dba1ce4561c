// StateDict: parameters and buffers by name, in order of name. A Module exports and accepts one,
// weights/ reads and writes one, retinaface/ joins the two.
#pragma once

#include <map>
#include <string>

#include "engine/tensor.hpp"

namespace rf {

using StateDict = std::map<std::string, Tensor>;

}  // namespace rf
