#!/bin/bash
# Fuzzes every target of a build for a time, two at once: run.sh BUILD_FOLDER SECONDS [TARGET..]
# What crashes a target stays in BUILD_FOLDER/crashes, and the exit code is 1.
set -euo pipefail

if [ $# -lt 2 ]; then
  echo "usage: $0 BUILD_FOLDER SECONDS [TARGET..]" >&2
  exit 2
fi
build=$1 seconds=$2
shift 2
programs=$build/tests/fuzz
crashes=$build/crashes
if [ $# -gt 0 ]; then
  targets=("$@")
else
  mapfile -t targets < <(find "$programs" -maxdepth 1 -name '*_fuzz' -type f -printf '%f\n' | sort)
fi
[ ${#targets[@]} -gt 0 ] || { echo "no fuzz targets in $programs" >&2; exit 2; }

mkdir -p "$crashes"
"$programs/make_seeds" "$programs/seeds"

# One target: a corpus of its own that grows from run to run, and the seeds.
fuzz_one() {
  local target=$1
  local corpus=$build/corpus/$target log=$build/$target.log
  mkdir -p "$corpus"
  if RF_THREADS=1 "$programs/$target" "$corpus" "$programs/seeds/${target%_fuzz}" \
      -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
      -artifact_prefix="$crashes/$target-" > "$log" 2>&1; then
    echo "$target: clean, $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s"
  else
    echo "$target: FAILED, see $log and $crashes"
    return 1
  fi
}
export -f fuzz_one
export build seconds programs crashes
printf '%s\n' "${targets[@]}" | xargs -P 2 -I {} bash -c 'fuzz_one {}' || exit 1
