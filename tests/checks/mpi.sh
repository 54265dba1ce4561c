#!/bin/bash
# Training in processes that mpirun starts: two and four learn what one does, also from a teacher; what is wrong, or a
# process that is killed, ends all of them, and the run goes on from its last checkpoint. mpi.sh PROGRAM, or without one
# where there is no MPI.
set -euo pipefail
program=${1:-}
skip() {
  echo "mpi: $1: skipped"
  exit 77
}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
[ -n "$program" ] || skip 'no MPI when this was configured'
command -v pgrep > /dev/null || skip 'no pgrep'
mpirun --version 2> /dev/null | grep -q 'Open MPI' || skip 'no mpirun of Open MPI'
mpirun --oversubscribe -np 2 true || skip 'mpirun cannot start processes here'
folder=$(mktemp -d)
launcher=
finish() {
  [ -z "$launcher" ] || kill -9 "$launcher" 2> /dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
fail() {
  echo "mpi: $1" >&2
  exit 1
}

# Six pictures of noise with two faces each, 96 x 72.
mkdir -p "$folder/data/images"
for i in 1 2 3 4 5 6; do
  LC_ALL=C awk -v seed=$i 'BEGIN {
    srand(seed); printf "P6 96 72 255\n"
    for (n = 0; n < 96 * 72 * 3; ++n) printf "%c", 32 + int(rand() * 90)
  }' > "$folder/data/images/p$i.ppm"
  printf '# p%d.ppm\n10 12 30 34\n%d 20 24 24 46 28 0 56 28 0 51 32 0 47 38 0 55 38 0\n' $i $((40 + i)) \
    >> "$folder/data/label.txt"
done
flags=(--data "$folder/data" --size 64,96 --batch 4 --lr 0.0001 --schedule constant --freeze 1 --holdout 2
  --log-every 1 --checkpoint-every 2 --clip 100 -q)

together() {  # together PROCESSES FOLDER FLAGS..
  local count=$1 out=$2
  shift 2
  mpirun --oversubscribe -np "$count" "$program" train "${flags[@]}" --out "$folder/$out" "$@"
}

same() {  # same ONE SEVERAL: losses and norms of gradients are, but for rounding, in at least three steps
  paste -d, "$folder/$1/metrics.csv" "$folder/$2/metrics.csv" | awk -F, '
    NR == 1 { columns = NF / 2
      for (i = 1; i <= columns; ++i) if ($i ~ /^(loss|cls|box|landmark|teacher|grad_norm)$/) compared[i] = $i
      next }
    { for (i in compared) {
        a = $i; b = $(columns + i); d = a > b ? a - b : b - a
        if (d > 1e-3 * (a < 0 ? -a : a) + 1e-6) { print compared[i] ", row " NR ": " a " and " b; bad = 1 }
    } }
    END { exit bad || length(compared) != 6 || NR < 4 }' || fail "$2 learns something else than $1"
  [ -s "$folder/$2/last.safetensors" ] || fail "no detector of $2"
}
"$program" train "${flags[@]}" --epochs 3 --out "$folder/one"
for count in 2 4; do
  together $count "by$count" --epochs 3
  same one "by$count"
done
taught=(--epochs 3 --teacher "$folder/one/last.safetensors" --teacher-features 0.5 --seed 3)
"$program" train "${flags[@]}" "${taught[@]}" --out "$folder/taught_one"
together 2 taught_by2 "${taught[@]}"
same taught_one taught_by2
awk -F, 'NR == 1 { for (i = 1; i <= NF; ++i) if ($i == "teacher") at = i; next } !($at > 0) { exit 1 }' \
  "$folder/taught_by2/metrics.csv" || fail "no loss against the teacher"

refused() {  # refused PROCESSES TEXT FLAGS..
  local count=$1 text=$2 code=0
  shift 2
  together "$count" refused "$@" 2> "$folder/error" || code=$?
  [ $code -eq 2 ] && grep -q "$text" "$folder/error" || { cat "$folder/error"; fail "$*: exit code $code"; }
}
refused 3 'processes cannot share it' --epochs 6
refused 2 'without mpirun' --dry-run
# Started by srun, without what tells this MPI of the others: each would believe that it is alone.
code=0
SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=0 "$program" train "${flags[@]}" --out "$folder/alone" 2> "$folder/error" || code=$?
[ $code -eq 2 ] && grep -q 'MPI knows of 1' "$folder/error" && [ ! -e "$folder/alone" ] ||
  { cat "$folder/error"; fail "srun without a plugin: exit code $code"; }

# The second process is killed as soon as there is a checkpoint.
together 2 killed --epochs 4000 2> "$folder/error" &
launcher=$!
until [ -e "$folder/killed/checkpoint-00000002.safetensors" ]; do
  kill -0 "$launcher" 2> /dev/null || { cat "$folder/error"; fail "ended before its first checkpoint"; }
  sleep 0.05
done
for process in $(pgrep -f -- "train .*--out $folder/killed"); do
  if tr '\0' '\n' < "/proc/$process/environ" | grep -qx 'OMPI_COMM_WORLD_RANK=1'; then kill -9 "$process"; fi
done
code=0
wait "$launcher" || code=$?
launcher=
[ $code -ne 0 ] && grep -qi 'killed\|signal 9' "$folder/error" || { cat "$folder/error"; fail "a killed process: exit code $code"; }
"$program" train --resume "$folder/killed" --minutes 0.01 -q || fail "the last checkpoint is not whole"
