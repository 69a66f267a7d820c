#!/bin/bash
# Part of ./test --clean-root: what ./setup installs starts with the machine only if it did before, and the suite with
# security updates comes from the mirror that apt's sources name. Changes the machine that it runs on.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
. tools/shell/common.sh

# As a company's mirror would be named, and another file than Debian's own.
sources=/etc/apt/sources.list
mirror=$(sed -n 's/^deb \([^ ]*\) bookworm main.*/\1/p' "$sources" | head -n 1)
[[ -n $mirror ]] || fail "$sources names no mirror"
expected=${mirror%/}-security

before=$(enabling_links)
./setup
new=$(comm -13 <(printf '%s\n' "$before") <(enabling_links))
[[ -z $new ]] || fail "enabled by what was installed: $new"
grep -qF "deb $expected bookworm-security main" /etc/apt/sources.list.d/*.list || fail "the security suite is not taken from $expected"
say "nothing was enabled; security updates come from $expected"
