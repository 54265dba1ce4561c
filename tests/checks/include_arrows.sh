#!/bin/bash
# The include arrows: which folder may include which. include_arrows.sh [SOURCE_FOLDER]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

declare -A may_include=(
  [engine]="engine"
  [autograd]="autograd engine"
  [layers]="layers autograd engine"
  [weights]="weights engine"
  [retinaface]="retinaface weights layers autograd engine"
)

failed=0
complain() {
  echo "$1: $2" >&2
  failed=1
}
for folder in "${!may_include[@]}"; do
  [ -d "$folder" ] || continue
  while IFS=: read -r file line text; do
    [[ $text =~ ^[[:space:]]*\#[[:space:]]*include[[:space:]]*\"([^\"]+)\" ]] || continue
    header=${BASH_REMATCH[1]}
    target=${header%%/*}
    if [[ $header != */* || $header == *../* || $header == ./* ]]; then
      complain "$file:$line" "\"$header\": write the path from the top folder (or <...> for what is not ours)"
    elif [[ " ${may_include[$folder]} " != *" $target "* ]]; then
      complain "$file:$line" "$folder/ may include ${may_include[$folder]// /, }, not $target/ ($header)"
    fi
  done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include' "$folder" --include='*.[ch]pp' --include='*.inl' || true)
done

# The installed header stands alone.
if grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' retinaface/detector.hpp >&2 2>/dev/null; then
  complain retinaface/detector.hpp "is installed alone, so it includes nothing of ours"
fi
exit $failed
