// A face model without any file: a head made of formulas. What needs a face model (renders,
// synthetic pictures, the decoder's training) runs with it, in tests and for who has no other.
#pragma once

#include "retinaface/dense/face_model.hpp"

namespace rf {

// A face of about 15 x 18 cm as seen from the front, half of a head in depth: a flattened ellipsoid
// with relief, its identities, expressions and skins (procedural_features.hpp). Four levels of
// about 27, 108, 432 and 1,728 vertices, made by simplify(); one sheet with one border. The finest
// keeps all landmarks, which lie exactly mirrored. The same bits on every machine.
[[nodiscard]] FaceModel procedural_head();

}  // namespace rf
