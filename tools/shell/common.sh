# Shared by the commands at the root. Source it after `cd` to the root of the tree.
# shellcheck shell=bash

say() { printf '%s\n' "$*"; }
step() { printf '== %s\n' "$*"; }
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The packages of the given groups, once each.
packages_of() {
  local wanted=" $* " group package
  while read -r group package _; do
    if [[ -n $group && $group != \#* && $wanted == *" $group "* ]]; then printf '%s\n' "$package"; fi
  done <packaging/debian-packages.txt | sort -u
}

# Those of the given packages that are not installed.
missing_of() {
  [[ $# -gt 0 ]] || return 0
  local have
  # It fails where it knows none of them by name, which is an answer too.
  have=" $({ dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } | sed -n 's/^installed //p' | tr '\n' ' ')"
  local package
  for package in "$@"; do
    if [[ $have != *" $package "* ]]; then printf '%s\n' "$package"; fi
  done
}

# What starts with the machine: the links that make systemd want or require a unit, and those of /etc/rc?.d that start
# a script, a path each. The links themselves, because systemd need not run, nor be installed.
enabling_links() {
  {
    find /etc/systemd/system \( -path '*.wants/*' -o -path '*.requires/*' \) -print 2>/dev/null || true
    find /etc/rc[2-5S].d -name 'S[0-9][0-9]*' -print 2>/dev/null || true
  } | sort -u
}

# The suite with security updates on the mirror that apt's sources name for the release: "URI", or nothing where they
# name none. Arguments: the code name of the release, for example bookworm.
security_mirror() {
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 2>/dev/null | sort -u |
    sed -n "s/^\([^ ]*\) $1 main\$/\1/p" | head -n 1)
  mirror=${mirror%/}
  case $mirror in
    '') ;;
    */debian/*) printf '%s\n' "${mirror%/debian/*}/debian-security/${mirror##*/debian/}" ;;  # a snapshot of a day
    *) printf '%s-security\n' "$mirror" ;;
  esac
}

# Runs ./setup where something is missing.
ensure_setup() {
  ./setup --check "$@" >/dev/null && return 0
  say "Something that is needed is missing; running ./setup"
  ./setup "$@"
}

# With as many jobs as there are processors and memory (gcc takes up to 1.5 GB for a file full of coroutines).
build_jobs() {
  local processors kilobytes by_memory
  processors=$(nproc)
  kilobytes=$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo 2>/dev/null)
  by_memory=$(( ${kilobytes:-1500000} / 1500000 ))
  (( by_memory < 1 )) && by_memory=1
  echo $(( processors < by_memory ? processors : by_memory ))
}
