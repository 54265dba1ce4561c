#!/bin/bash
# The static program needs no other file: it is not linked to any, is small, holds the verbs of inference alone, and in a
# root directory with nothing but itself and a picture it prints the same bytes as the ordinary program.
# static.sh STATIC_PROGRAM PROGRAM SOURCE_FOLDER. 77: a root directory cannot be changed here.
set -euo pipefail
static=$(realpath "$1") program=$(realpath "$2") source=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "static: $1" >&2
  exit 1
}

if readelf --program-headers --dynamic "$static" | grep -E 'INTERP|NEEDED' >&2; then
  fail "it asks for other files"
fi
size=$(stat --format=%s "$static")
[ "$size" -lt 6000000 ] || fail "$size bytes; the limit is 6,000,000"
for verb in eval train; do
  if "$static" help $verb > /dev/null 2>&1; then fail "it holds the verb $verb, which is not inference"; fi
done

mkdir "$folder/root"
cp "$static" "$folder/root/retinaface"
cp "$source/docs/images/demo.jpg" "$folder/root/photo.jpg"
if chroot "$folder/root" /retinaface --version > "$folder/out" 2> "$folder/error"; then
  empty_root=(chroot "$folder/root")
elif unshare --map-root-user chroot "$folder/root" /retinaface --version > "$folder/out" 2>> "$folder/error"; then
  empty_root=(unshare --map-root-user chroot "$folder/root")
elif grep -q 'Operation not permitted' "$folder/error"; then
  echo "skipped: neither chroot nor unshare is permitted here" >&2
  exit 77
else
  cat "$folder/error" >&2
  fail "it does not start in an empty root directory"
fi
[ "$(cat "$folder/out")" = "$("$program" --version)" ] || fail "--version differs"

if ! "$program" info | grep -q '^path .*built-in model'; then
  echo "skipped: detection in an empty root directory (no model is built in)" >&2
  exit 0
fi
"${empty_root[@]}" /retinaface detect photo.jpg --csv > "$folder/static.csv" || fail "detect: exit code $?"
(cd "$folder/root" && "$program" detect photo.jpg --csv) > "$folder/ordinary.csv"
cmp "$folder/static.csv" "$folder/ordinary.csv" || fail "its faces are not those of the ordinary program"
[ "$(wc -l < "$folder/static.csv")" -gt 1 ] || fail "no face in docs/images/demo.jpg"
"${empty_root[@]}" /retinaface info | grep -q '^path .*built-in model' || fail "info does not name the built-in model"
