#!/bin/bash
# What `make install` leaves is complete: a program of ten lines builds against it alone and runs; one header; no path
# of the machine that built it. install.sh SOURCE_FOLDER BUILD_FOLDER COMPILER [SHARED_FOLDER]
set -euo pipefail
source=$1 build=$2 compiler=$3 shared=${RF_SHARED:-${4:-}}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "install: $1" >&2
  exit 1
}

cmake --install "$build" --prefix "$folder/tree" > "$folder/log" || { cat "$folder/log"; fail "cmake --install"; }
headers=$(cd "$folder/tree/include" && find . -type f)
[ "$headers" = ./retinaface/detector.hpp ] || fail "the headers are $headers"
"$folder/tree/bin/retinaface" --help > /dev/null || fail "bin/retinaface --help"
if grep -rlF --binary-files=text -e "$source" -e "$build" "$folder/tree" >&2; then
  fail "these name the folder they were built in"
fi

cp -r "$source/tests/install" "$folder/program"  # away from the source, whose headers must not help
if ! cmake -S "$folder/program" -B "$folder/build" -DCMAKE_PREFIX_PATH="$folder/tree" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_COMPILER="$compiler" > "$folder/log" 2>&1 || ! cmake --build "$folder/build" >> "$folder/log" 2>&1; then
  cat "$folder/log" >&2
  fail "the program does not build"
fi

code=0
"$folder/build/faces" "$folder/no photo" "$folder/no model" > /dev/null 2> "$folder/error" || code=$?
[ $code -eq 1 ] && grep -q 'no model' "$folder/error" || fail "exit code $code for a model that is not there"
model=$shared/weights/mobilenet0.25_Final.pth
photo=
[ -d "$shared/data/photos" ] && photo=$(find "$shared/data/photos" -name '*.jpg' | sort | sed -n 1p)
if [ -r "$model" ] && [ -n "$photo" ]; then
  "$folder/build/faces" "$photo" "$model" > "$folder/faces" || fail "detection in $photo"
  [ -s "$folder/faces" ] || fail "no face in $photo"
else
  echo "skipped: detection by the installed library (no model in RF_SHARED)" >&2
fi
if "$folder/tree/bin/retinaface" info | grep -q '^path .*built-in model'; then
  "$folder/build/faces" "$source/docs/images/demo.jpg" > "$folder/faces" || fail "detection with the built-in model"
  [ -s "$folder/faces" ] || fail "the built-in model finds no face in docs/images/demo.jpg"
fi
