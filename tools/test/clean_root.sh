#!/bin/bash
# The proof of ./test --clean-root: a minimal Debian 12 without sudo, git, locale, certificates or services, in it a
# copy of what is committed, and in that `./demo --headless` and `./test`, each alone in a fresh copy of everything.
# Each runs in its own mount and pid namespace, so that its processes and mounts go away with it.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
. tools/shell/common.sh
export LC_ALL=C

(( $(id -u) == 0 )) || fail "a clean root is made by root: run it as root, or 'sudo ./test --clean-root'"
command -v debootstrap >/dev/null && command -v git >/dev/null || fail "needs debootstrap and git: run ./setup --dev"
[[ -z $(git status --porcelain) ]] || say "note: what is not committed is not part of this proof"

top=$PWD/build/clean-root
logs=$PWD/build/test-logs
mirror=${DRAY_DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$top" "$logs"

# The bare system, made once and kept; --clean-root never runs anything in this copy.
if [[ ! -e $top/base.done ]]; then
  step "debootstrap: a minimal Debian 12 in build/clean-root/base"
  rm -rf "$top/base"
  debootstrap --variant=minbase bookworm "$top/base" "$mirror" >"$logs/clean-root-debootstrap.log" 2>&1 ||
    { tail -20 "$logs/clean-root-debootstrap.log"; fail "debootstrap failed"; }
  rm -f "$top/base/var/cache/apt/archives/"*.deb
  touch "$top/base.done"
fi

# run_inside NAME COMMAND...: prints its output; its status is the command's.
run_inside() {
  local name=$1 root=$top/$1
  shift
  rm -rf "$root"
  cp -a --reflink=auto "$top/base" "$root"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  cp -L /etc/hosts "$root/etc/hosts"
  mkdir -p "$root/dray"
  git archive HEAD | tar -x -C "$root/dray"
  # pivot_root rather than chroot: a chrooted process may not make the user namespaces that some suites need.
  unshare --mount --pid --fork --kill-child --propagation private bash -euc '
    root=$1; shift
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    for node in null zero full random urandom tty; do
      [ -c "$root/dev/$node" ] || { : >"$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"; }
    done
    mkdir -p "$root/.outside"
    cd "$root"
    pivot_root . .outside
    umount -l /.outside
    cd /dray
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
      ${http_proxy:+http_proxy="$http_proxy"} "$@"
  ' inside "$root" "$@" 2>&1 | tee "$logs/clean-root-$name.log"
  return "${PIPESTATUS[0]}"
}

passed=0 failed=0
attempt() {
  local name=$1 start=$SECONDS
  step "in a fresh root: ${*:2}"
  if run_inside "$@"; then
    passed=$((passed + 1)); say "ok   clean-root $name ($((SECONDS - start)) s)"
  else
    failed=$((failed + 1)); say "FAIL clean-root $name ($((SECONDS - start)) s): see build/test-logs/clean-root-$name.log"
  fi
  rm -rf "${top:?}/$name"
}

attempt setup tools/test/setup_enables_nothing.sh
attempt demo ./demo --headless --summary /tmp/summary.json
attempt test ./test
say "$passed passed, $failed failed"
(( failed == 0 ))
