#!/bin/bash
# tools/shell/configure.sh PRESET [CMAKE OPTION...]: `cmake --preset PRESET` for this folder. A build folder that was
# made for another place (the checkout was copied or moved after a build) is removed first, saying so: CMake would
# refuse it, and what is in it names the other place.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
. tools/shell/common.sh

preset=$1
shift
folder=build/$preset

# What the cache of the build folder says under a name.
cached() { sed -n "s/^$1:INTERNAL=//p" "$folder/CMakeCache.txt"; }

if [[ -e $folder/CMakeCache.txt ]] &&
  ! [[ $(cached CMAKE_HOME_DIRECTORY) -ef . && $(cached CMAKE_CACHEFILE_DIR) -ef $folder ]]; then
  say "$folder was made for $(cached CMAKE_HOME_DIRECTORY): beginning afresh here"
  rm -rf "$folder"
fi
exec cmake --preset "$preset" "$@"
