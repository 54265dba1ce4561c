#!/bin/bash
# isa_leak.sh accepts an object with a table alone and finds a leak planted in one. isa_leak_test.sh COMPILER
set -euo pipefail
check=$(cd "$(dirname "$0")" && pwd)/isa_leak.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

expect() {  # expect accepted|refused SOURCE
  echo "$2" | "$compiler" -x c++ -std=c++20 -O0 -c -o "$folder/object.o" -
  local result=accepted
  "$check" "$folder/object.o" 2>/dev/null || result=refused
  [ "$result" = "$1" ] || { echo "was $result: $2" >&2; exit 1; }
}
compiler=$1
table='namespace rf::isa { extern int (*const wide)(int); int (*const wide)(int) = twice; }'
expect accepted "namespace { inline int twice(int x) { return 2 * x; } } $table"
expect refused "inline int twice(int x) { return 2 * x; } $table"
expect refused "template <class T> T twice(T x) { return 2 * x; } $table"
expect refused "int twice(int x) { return 2 * x; } $table"
expect refused "static int twice(int x) { return 2 * x; } $table int (*another)(int) = twice;"
expect refused "namespace { int one = 1; }"
