#!/bin/bash
# Every source file is as clang-format 14 lays it out (.clang-format). With --fix, makes it so. 77: no clang-format 14.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in clang-format-14 clang-format ''; do
  [ -n "$tool" ] && "$tool" --version 2>/dev/null | grep -q ' version 14\.' && break
done
if [ -z "$tool" ]; then
  echo "skipped: clang-format 14 is not installed" >&2
  exit 77
fi

sources() { find engine autograd layers weights retinaface tests bench -name '*.[ch]pp' -print0 -o -name '*.inl' -print0 2>/dev/null; }
if [ "${1:-}" = --fix ]; then
  sources | xargs -0 "$tool" -i
else
  sources | xargs -0 "$tool" --dry-run -Werror || { echo "make fmt lays the files out" >&2; exit 1; }
fi
