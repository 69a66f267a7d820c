#!/bin/bash
# Dray builds wherever it is cloned: a copy of the sources at a long path with blanks is configured, one test program
# is built there with warnings as errors and run; then the copy is copied once more together with its build folder,
# which has to begin afresh by itself; and no product program holds the path of the checkout that it was built in.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../../.."
. tools/shell/common.sh
export LC_ALL=C

failures=0
check() {  # NAME COMMAND...
  local name=$1
  shift
  if "$@"; then echo "ok $name"; else echo "not ok $name"; failures=$((failures + 1)); fi
}

top=$PWD/build/checkout
long="$top/a folder of somebody who sorts their work into folders with long names and with blanks in them/dray"
rm -rf "$top"
trap 'rm -rf "$top"' EXIT
mkdir -p "$long"
tar -c --exclude=./build --exclude=./.git --exclude=./.cache . | tar -x -C "$long"
(( ${#long} >= 100 )) || fail "the path is not long enough: $long"

# relay_tests needs the least to run; server_tests is the one whose sources once met the compiler's false warning.
built_and_run() {
  ( cd "$long" && tools/shell/configure.sh release -DDRAY_WERROR=ON >configure.log 2>&1 &&
    ninja -C build/release -j "$(build_jobs)" server_tests relay_tests dray-relay >build.log 2>&1 &&
    build/release/tests/relay_tests >run.log 2>&1 ) || { tail -n 20 "$long"/*.log; return 1; }
}

begins_afresh() {
  local copy="$top/copied dray"
  cp -a "$long" "$copy"
  local said
  said=$(cd "$copy" && tools/shell/configure.sh release -DDRAY_WERROR=ON 2>&1) || { echo "$said" | tail -n 20; return 1; }
  [[ $said == *"beginning afresh here"* ]] || { echo "it did not say so: $said"; return 1; }
  said=$(cd "$copy" && tools/shell/configure.sh release 2>&1)
  [[ $said != *"beginning afresh here"* ]] || { echo "a build of its own was thrown away: $said"; return 1; }
}

holds_no_path() {
  local program folder found=0
  for program in dray-server dray-gateway dray-agent drayctl dray-forecast; do
    [[ -x ${DRAY_BIN_DIR:?}/$program ]] || { echo "$program is not built"; found=1; continue; }
    for folder in src apps build; do
      if grep -qaF "$PWD/$folder/" "$DRAY_BIN_DIR/$program"; then echo "$program holds $PWD/$folder/"; found=1; fi
    done
  done
  return "$found"
}

check Checkout.BuildsAndRunsAtALongPathWithBlanks built_and_run
check Checkout.ACopiedBuildBeginsAfresh begins_afresh
check Checkout.NoProductHoldsThePathOfTheCheckout holds_no_path
exit $(( failures > 0 ))
