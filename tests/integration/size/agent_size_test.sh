#!/bin/bash
# The agent goes onto small devices: stripped, in a release build, it never has more than 2 MiB (goal: 1 MiB).
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../../.."
agent=${DRAY_BIN_DIR:-build/release/bin}/dray-agent
limit=$(( 2 << 20 ))

stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$agent"
bytes=$(stat -c %s "$stripped")
size "$stripped"
echo "$agent: $bytes bytes stripped, at most $limit"
if (( bytes <= limit )); then
  echo "ok Size.TheStrippedAgentHasAtMost2MiB ($bytes bytes)"
else
  echo "not ok Size.TheStrippedAgentHasAtMost2MiB"
  exit 1
fi
