#!/bin/bash
# On emulated older CPUs the program starts, chooses the kernels that they have and refuses others; on one without AVX it
# finds the same faces, to the bit, as this CPU does with the same kernels. old_cpu.sh PROGRAM SOURCE_FOLDER. 77: no
# emulator.
set -euo pipefail
program=$1 source=$2
if ! command -v qemu-x86_64 > /dev/null; then
  echo "skipped: qemu-user is not installed" >&2
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "old_cpu: $1" >&2
  exit 1
}

unset RF_ISA
chooses() {  # chooses MODEL KERNELS LACKING
  qemu-x86_64 -cpu "$1" "$program" info > "$folder/info" 2> "$folder/error" || { cat "$folder/error"; fail "info on $1"; }
  grep -q "^kernels  *$2 (best of scalar, " "$folder/info" || { cat "$folder/info"; fail "$1 does not choose $2"; }
  local code=0
  RF_ISA=$3 qemu-x86_64 -cpu "$1" "$program" info > /dev/null 2> "$folder/error" || code=$?
  [ $code -eq 2 ] && grep -q "RF_ISA=$3" "$folder/error" || { cat "$folder/error"; fail "RF_ISA=$3 on $1: exit code $code"; }
}
chooses Nehalem sse2 avx2
chooses Haswell avx2 avx512

if ! "$program" info | grep -q '^path .*built-in model'; then
  echo "skipped: detection on an emulated CPU (no model is built in)" >&2
  exit 0
fi
# Not on Haswell: QEMU 7.2 reads the lanes that a masked load leaves out, which may lie outside of all memory.
find_faces() { "$@" "$program" detect "$source/docs/images/demo.jpg" --size long:160 --json | grep -v '^"run":'; }
find_faces qemu-x86_64 -cpu Nehalem > "$folder/emulated" || fail "no detection on Nehalem"
find_faces env RF_ISA=sse2 > "$folder/native"
cmp "$folder/emulated" "$folder/native" || fail "the emulated CPU finds other faces than this one"
grep -q '"box"' "$folder/native" || fail "no face in docs/images/demo.jpg"
