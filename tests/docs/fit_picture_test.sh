#!/bin/bash
# fit_picture learns a small picture, draws the same sheet on any number of threads, and refuses what it cannot do.
# fit_picture_test.sh PROGRAM
set -euo pipefail
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "fit_picture: $*" >&2; exit 1; }

# 16 x 12, two areas of one colour each; the bytes of both are printable.
{
  printf 'P6\n16 12\n255\n'
  for row in {1..12}; do
    for column in {1..16}; do [ $((row + column)) -gt 14 ] && printf 'z((' || printf '(<x'; done
  done
} > picture.ppm
echo 'P3 1 1 255 0 0 0' > text.ppm

RF_THREADS=1 "$program" picture.ppm --steps 40 --out one.png > one.txt
RF_THREADS=3 "$program" picture.ppm --steps 40 --out three.png > three.txt
cmp one.png three.png || fail "another sheet on three threads"
awk '/^step/ { for (i = 1; i < NF; ++i) if ($i == "PSNR") { if (!seen++) first = $(i + 1); last = $(i + 1) } }
  END { exit !(seen > 2 && last > first + 6) }' one.txt || { cat one.txt; fail "does not learn 6 dB in 40 steps"; }

refused() {  # CODE TEXT ARGUMENTS
  local code=0 wanted=$1 text=$2
  shift 2
  "$program" "$@" > out.txt 2> err.txt || code=$?
  [ "$code" -eq "$wanted" ] || fail "exit $code instead of $wanted: $*"
  [ "$(wc -l < err.txt)" -eq 1 ] && grep -q "$text" err.txt || { cat err.txt; fail "message of: $*"; }
}
refused 2 picture
refused 2 steps picture.ppm --steps 0
refused 3 missing.png missing.png
refused 3 text.ppm text.ppm
refused 3 nowhere picture.ppm --out nowhere/fit.png --steps 1
