#!/bin/bash
# Every source file, or those in the folder that is named, is as clang-format 14 lays it out (.clang-format). With --fix,
# makes the source files so. 77: no clang-format 14.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in clang-format-14 clang-format ''; do
  [ -n "$tool" ] && "$tool" --version 2>/dev/null | grep -q ' version 14\.' && break
done
if [ -z "$tool" ]; then
  echo "skipped: clang-format 14 is not installed" >&2
  exit 77
fi

folders=(engine autograd layers weights retinaface tests bench docs)
[ $# -eq 0 ] || [ "$1" = --fix ] || folders=("$@")
sources() { find "${folders[@]}" -name '*.[ch]pp' -print0 -o -name '*.inl' -print0 2>/dev/null; }
if [ "${1:-}" = --fix ]; then
  sources | xargs -0 "$tool" -i
else
  sources | xargs -0 "$tool" --style="file:$PWD/.clang-format" --dry-run -Werror ||
    { echo "make fmt lays source files out; code in a document is laid out by hand" >&2; exit 1; }
fi
