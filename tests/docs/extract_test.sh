#!/bin/bash
# extract.sh takes out what a page holds, and refuses a page that does not say what it should.
set -euo pipefail
extract=$(cd "$(dirname "$0")" && pwd)/extract.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/source/a"
printf '%s\n' '#pragma once' '' '#include <vector>' '' '#include "a/b.hpp"' '#include "a/d.hpp"' '' 'namespace rf {' '' \
  'struct Old;' '' '}  // namespace rf' > "$folder/source/a/there.hpp"

page() { printf '%s\n' "$@" > "$folder/page.md"; }
refused() {  # refused WORDS: the page is, with these words in the message
  if "$extract" files "$folder/page.md" "$folder/source" "$folder/out" > "$folder/said" 2>&1; then
    echo "accepted, but should be refused with: $1" >&2
    exit 1
  fi
  grep -qF "$1" "$folder/said" || { echo "no \"$1\" in:" >&2; cat "$folder/said" >&2; exit 1; }
}

page 'Nothing here.'
refused 'no block of C++'
page '```cmake' '```cpp' '```'
refused 'no block of C++'
page '```c++' '// a/new.hpp' '```'
refused 'write ```cpp'
page '```cpp' 'int f();' '```'
refused 'the name of its file'
page '```cpp' '// ../a/new.hpp' '```'
refused 'the name of its file'
page '```cpp' '// a/new.hpp' 'int f();'
refused 'has no end'
page '```cpp' '// a/new.hpp' 'int f();' '```' '```cpp' '// a/new.hpp' '```'
refused 'twice'
page '```cpp' '// a/there.hpp' 'int f();' '```'
refused 'which the project has'
page '```cpp' '// a/new.hpp, added' 'int f();' '```'
refused 'which the project does not have'
echo 'struct Old;' > "$folder/source/a/bare.hpp"
page '```cpp' '// a/bare.hpp, added' 'int f();' '```'
refused 'no place'

page 'Words.' '```cpp' '// a/new.cpp' '// Tab	and "quotes" \n stay.' '' 'int f();' '```' 'Words.' '```sh' 'ls' '```' \
  '```cpp' '// a/there.hpp, added' '#include "a/c.hpp"' '' 'struct New;' '```'
[ "$("$extract" names "$folder/page.md" | tr '\n' ' ')" = 'a/new.cpp a/there.hpp ' ]
touch "$folder/out/left_over.hpp"
"$extract" files "$folder/page.md" "$folder/source" "$folder/out"
diff <(printf '%s\n' '// Tab	and "quotes" \n stay.' '' 'int f();') "$folder/out/a/new.cpp"
diff <(printf '%s\n' '#pragma once' '' '#include <vector>' '' '#include "a/b.hpp"' '#include "a/c.hpp"' '#include "a/d.hpp"' '' \
  'namespace rf {' '' 'struct Old;' '' 'struct New;' '' '}  // namespace rf') "$folder/out/a/there.hpp"
[ ! -e "$folder/out/left_over.hpp" ]
