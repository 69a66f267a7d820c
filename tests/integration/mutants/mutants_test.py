#!/usr/bin/env python3
"""The simulator finds deliberate bugs: each of `dray-sim-mutants --list-mutants` is found, by the check that it is listed
with, for some seed of those that ./test runs; every check of docs/fault-model.md has one. And no product holds one.

DRAY_MUTANTS=list: the list alone, as dray-sim has it, without running any (what takes minutes is ./test --mutants)."""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("DRAY_BIN_DIR", ROOT / "build/release/bin"))
MUTANTS = ROOT / "build/mutants/bin/dray-sim-mutants"
SEEDS, SWARM = "1-700", "1000001-1000500"
failures = 0


def check(name, complaint):
    global failures
    if complaint:
        print("   " + complaint)
    print(("not ok " if complaint else "ok ") + name, flush=True)
    failures += bool(complaint)


def names_in_sources():
    found = set()
    for path in (ROOT / "src").rglob("*"):
        if path.suffix in (".cc", ".h") and path.name != "mutant.h":
            found |= set(re.findall(r'DRAY_MUTANT\("(\w+)"\)', path.read_text()))
    return found


def listed():
    """[(mutant, the check that finds it, the seed that did)]"""
    out = subprocess.run([BIN / "dray-sim", "--list-mutants"], capture_output=True, text=True, check=True).stdout
    return [tuple(line.split()[:3]) for line in out.splitlines()]


def documented_checks():
    page = (ROOT / "docs/fault-model.md").read_text()
    table = page[page.index("### What must always hold"):]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def products_with_one():
    for program in sorted(BIN.iterdir()):
        if program.is_file() and b"mutant:" in program.read_bytes():
            yield program.name


def survives(name, finder, seed):
    all_seeds = SWARM if int(seed) > 1_000_000 else SEEDS
    for seeds in (f"{seed}-{seed}", all_seeds):
        command = [MUTANTS, "--mutant", name, "--only", finder, "--seeds", seeds, "--stop"]
        done = subprocess.run(command, capture_output=True, text=True)
        found = [line for line in done.stdout.splitlines() if line.startswith("dray-sim --seed") and f"# {finder}: " in line]
        if found:
            print("   " + found[0], flush=True)
            return ""
    return f"no seed of {all_seeds} finds it: a check is missing\n   {done.stdout[-500:]}{done.stderr[-500:]}"


def main():
    mutants = listed()
    names, finders = [name for name, _, _ in mutants], {finder for _, finder, _ in mutants}
    check("Mutants.TheListIsWhatTheSourcesHold", "" if set(names) == names_in_sources() else f"{set(names) ^ names_in_sources()}")
    check("Mutants.EveryCheckHasOne", "" if finders == documented_checks() else f"{finders ^ documented_checks()}")
    check("Mutants.NoProductHoldsOne", ", ".join(products_with_one()))
    if os.environ.get("DRAY_MUTANTS") == "list":
        return 1 if failures else 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as several:
        for name, complaint in zip(names, several.map(lambda mutant: survives(*mutant), mutants)):
            check("Mutants.IsFound." + name, complaint)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
