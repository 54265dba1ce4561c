#!/bin/bash
# The C++ files that a page of the documentation consists of: every block that begins with ```cpp and a line
# "// FILE", which is not part of the file, or "// FILE, added", whose lines go into the project's file of that name:
# the first line, if it is an #include, to its place among the others, the rest before the end of the last namespace.
#   extract.sh names PAGE                  prints the names
#   extract.sh files PAGE SOURCE OUTPUT    writes the files to OUTPUT, which is emptied; SOURCE is the project
set -euo pipefail
export LC_ALL=C
die() { echo "extract.sh: $*" >&2; exit 1; }
mode=$1 page=$2 source=${3:-} output=${4:-}

# The lines of the blocks, each as "kind<tab>name<tab>line".
blocks() {
  awk -v page="$page" '
    function fail(text) { print page ":" NR ": " text > "/dev/stderr"; failed = 1; exit 1 }
    state == "named" && /^```$/ { state = ""; next }
    state == "named" { print kind "\t" name "\t" $0; next }
    state == "new" {
      if ($0 !~ /^\/\/ [a-z0-9_]+(\/[a-z0-9_]+)*\.(hpp|cpp|inl)(, added)?$/)
        fail("a block of C++ begins with // and the name of its file")
      kind = /, added$/ ? "added" : "whole"
      name = $2
      sub(/,$/, "", name)
      if (name in seen) fail(name " is there twice")
      seen[name] = 1
      ++count
      state = "named"
      next
    }
    state == "other" && /^```$/ { state = ""; next }
    state == "" && /^```cpp$/ { state = "new"; next }
    state == "" && /^``` *(cpp|c\+\+|cxx|cc|c)( |$)/ { fail("write ```cpp, so that the block is taken out") }
    state == "" && /^```/ { state = "other" }
    END {
      if (failed) exit 1
      if (state != "") fail("the last block has no end")
      if (!count) fail("no block of C++")
    }' "$page"
}

# Standard input into a copy of the file $1.
added_to() {
  awk -v file="$1" '
    FNR == NR && FNR == 1 && /^#include "/ { include = $0; next }
    FNR == NR { if (lines != "" || $0 != "") lines = lines $0 "\n"; next }
    { text[++count] = $0 }
    /^}  \/\/ namespace/ { last = count }
    END {
      for (i = 1; i <= count; ++i) {
        if (include != "" && quoted && (text[i] !~ /^#include "/ || text[i] > include)) {
          print include
          include = ""
        }
        quoted = quoted || text[i] ~ /^#include "/
        if (i == last) print lines
        print text[i]
      }
      if (!last || include != "") {
        print file ": no place for what is added" > "/dev/stderr"
        exit 1
      }
    }' - "$1"
}

all=$(blocks) || exit 1
names() { awk -F'\t' '!seen[$2]++ { print $2 }' <<< "$all"; }
case $mode in
  names) names ;;
  files)
    rm -rf "$output"
    while read -r name; do
      kind=$(awk -F'\t' -v name="$name" '$2 == name { print $1; exit }' <<< "$all")
      text=$(awk -F'\t' -v name="$name" '$2 == name' <<< "$all" | cut -f 3-)
      mkdir -p "$output/$(dirname "$name")"
      if [ "$kind" = added ]; then
        [ -f "$source/$name" ] || die "$page adds to $name, which the project does not have"
        added_to "$source/$name" <<< "$text" > "$output/$name"
      else
        [ ! -e "$source/$name" ] || die "$page makes $name, which the project has: choose another example"
        printf '%s\n' "$text" > "$output/$name"
      fi
    done < <(names) ;;
  *) die "names or files, not $mode" ;;
esac
