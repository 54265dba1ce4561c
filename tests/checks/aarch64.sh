#!/bin/bash
# The program for 64-bit ARM, emulated, chooses the NEON kernels, refuses others and finds the faces that a program for this
# machine finds: scores within 1e-4, places within 0.05 pixels. The same bytes for any number of threads.
# aarch64.sh PROGRAM NATIVE_PROGRAM SOURCE_FOLDER EMULATOR.. 77: no native program, or no built-in model.
set -euo pipefail
program=$1 native=$2 source=$3
shift 3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "aarch64: $1" >&2
  exit 1
}

unset RF_ISA
"$@" "$program" info > "$folder/info" || fail "info: exit code $?"
grep -q '^kernels  *neon (best of scalar, neon)' "$folder/info" || { cat "$folder/info"; fail "it does not choose neon"; }
code=0
"$@" "$program" detect "$source/docs/images/demo.jpg" --isa sse2 > /dev/null 2> "$folder/error" || code=$?
[ $code -eq 2 ] && [ "$(wc -l < "$folder/error")" -eq 1 ] || { cat "$folder/error"; fail "--isa sse2: exit code $code"; }

if [ ! -x "$native" ]; then
  echo "skipped: no program for this machine at $native" >&2
  exit 77
elif ! grep -q '^path .*built-in model' "$folder/info"; then
  echo "skipped: no model is built in" >&2
  exit 77
fi
find_faces() { "$@" detect "$source/docs/images/demo.jpg" --size long:320 --csv; }
find_faces "$native" > "$folder/native"
find_faces "$@" "$program" > "$folder/emulated" || fail "no detection"
RF_THREADS=3 find_faces "$@" "$program" > "$folder/threads"
cmp "$folder/emulated" "$folder/threads" || fail "three threads find other faces"
[ "$(wc -l < "$folder/native")" -gt 1 ] || fail "no face in docs/images/demo.jpg"
# Both tables side by side: path, four numbers of the box, score, five landmarks, twice.
paste -d, "$folder/native" "$folder/emulated" | awk -F, '
  NR == 1 { columns = NF / 2; next }
  NF != 2 * columns { exit 1 }
  { for (i = 2; i <= columns; ++i) {
      difference = $i - $(columns + i)
      if (difference < 0) difference = -difference
      if (difference > (i == 6 ? 1e-4 : 0.05)) exit 1
    } }' || { cat "$folder/native" "$folder/emulated"; fail "other faces than those of $native"; }
