#!/bin/bash
# No object file of an instruction set defines a symbol that others could share, but for its table of kernels: a linker
# keeps one copy of a shared function, and if that copy uses AVX-512 an older CPU crashes in code that has nothing to do
# with kernels. The exception personality is data that the compiler adds. isa_leak.sh OBJECT..
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: $0 OBJECT.." >&2; exit 2; }

failed=0
for object in "$@"; do
  symbols=$(nm --extern-only --defined-only --format=posix "$object")
  tables=0
  while read -r name type _; do
    if [[ $name =~ ^_ZN2rf3isa[0-9]+[a-z0-9]+E$ && $type == [DRB] ]]; then
      tables=$((tables + 1))
    elif [[ -n $name && $name != DW.ref.__gxx_personality_v0 ]]; then
      echo "$object: leaks $(c++filt "$name") ($type)" >&2
      failed=1
    fi
  done <<< "$symbols"
  if [ $tables -ne 1 ]; then
    echo "$object: defines $tables kernel tables, not 1" >&2
    failed=1
  fi
done
exit $failed
