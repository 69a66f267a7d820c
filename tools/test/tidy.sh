#!/bin/bash
# clang-tidy-19 over every source of src, apps and tools: ./test --tidy. Last line: "N passed, N failed" (files).
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
. tools/shell/common.sh

mkdir -p build/test-logs
tools/shell/configure.sh tidy >build/test-logs/configure-tidy.log 2>&1 || fail "cmake failed, see build/test-logs/configure-tidy.log"
# gcc's own flags mean nothing to clang.
sed -i 's/ -fpch-preprocess//g; s/ -Wno-mismatched-new-delete//g' build/tidy/compile_commands.json
mapfile -t files < <(find src apps tools -name '*.cc' | sort)
passed=0 failed=0
check() {
  local log
  log=build/test-logs/tidy-$(tr / - <<<"$1").log
  if clang-tidy-19 -p build/tidy --quiet "$1" >"$log" 2>&1; then
    echo "ok   $1"
  else
    echo "FAIL $1"
    grep -E '(warning|error):' "$log" | sort -u | head -20 | sed 's/^/     /'
  fi
}
export -f check
while read -r line; do
  echo "$line"
  case $line in "ok   "*) passed=$((passed + 1)) ;; "FAIL "*) failed=$((failed + 1)) ;; esac
done < <(printf '%s\n' "${files[@]}" | xargs -P "$(build_jobs)" -I{} bash -c 'check {}')
echo "$passed passed, $failed failed"
(( failed == 0 ))
