#!/bin/bash
# Every file that a page names in `...`, except those it makes itself, is there. names_exist.sh PAGE SOURCE_FOLDER
set -euo pipefail
page=$1 source=$2
made=$("$(dirname "$0")/extract.sh" names "$page")
named=$(sed '/^```/,/^```/d' "$page" | grep -oE '`[A-Za-z0-9_./]+/[A-Za-z0-9_.]+\.(hpp|cpp|inl|sh)`' | tr -d '`' | sort -u || true)
[ -n "$named" ] || { echo "$page names no file" >&2; exit 1; }
failed=0
for file in $named; do
  grep -qxF "$file" <<< "$made" || [ -f "$source/$file" ] && continue
  echo "$page names $file, which is not there" >&2
  failed=1
done
exit $failed
