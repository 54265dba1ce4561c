#!/bin/bash
# include_arrows.sh finds what it is there to find, and accepts what is allowed.
set -euo pipefail
check=$(cd "$(dirname "$0")" && pwd)/include_arrows.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

expect() {  # expect accepted|refused FILE INCLUDE
  mkdir -p "$folder/$(dirname "$2")"
  echo "#include $3" > "$folder/$2"
  local result=accepted
  "$check" "$folder" 2>/dev/null || result=refused
  rm "$folder/$2"
  [ "$result" = "$1" ] || { echo "$2 with #include $3 was $result" >&2; exit 1; }
}
expect accepted engine/ops/conv2d.cpp '"engine/check.hpp"'
expect accepted engine/ops/conv2d.cpp '<vector>'
expect accepted layers/fpn.cpp '"autograd/var.hpp"'
expect accepted retinaface/model.cpp '"weights/model_file.hpp"'
expect refused engine/ops/conv2d.cpp '"autograd/var.hpp"'
expect refused autograd/ops.cpp '"layers/conv2d.hpp"'
expect refused layers/fpn.hpp '"weights/model_file.hpp"'
expect refused weights/torch.cpp '"layers/module.hpp"'
expect refused weights/torch.cpp '"retinaface/model_config.hpp"'
expect refused retinaface/model.cpp '"tests/support.hpp"'
expect refused engine/kernels/simd/conv2d.inl '"../../shape.hpp"'
expect refused engine/shape.cpp '"shape.hpp"'
expect refused retinaface/detector.hpp '"engine/shape.hpp"'
