#!/bin/bash
# The program runs on a CPU without AVX (emulated), chooses the SSE2 kernels there, and refuses to be told otherwise.
# old_cpu.sh PROGRAM. 77: no emulator.
set -euo pipefail
program=$1
if ! command -v qemu-x86_64 > /dev/null; then
  echo "skipped: qemu-user is not installed" >&2
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

unset RF_ISA
qemu-x86_64 -cpu Nehalem "$program" info > "$folder/info"
grep -qi sse2 "$folder/info" || { cat "$folder/info"; echo "info does not name the sse2 table" >&2; exit 1; }
code=0
RF_ISA=avx2 qemu-x86_64 -cpu Nehalem "$program" info > /dev/null 2> "$folder/error" || code=$?
[ $code -eq 2 ] || { cat "$folder/error"; echo "RF_ISA=avx2 on a CPU without AVX: exit code $code, not 2" >&2; exit 1; }
