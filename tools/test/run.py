#!/usr/bin/env python3
"""Builds and runs the suites of ./test, and counts.

A suite is a GoogleTest program (every case counts) or an executable script tests/*/*/*.sh or *_test.py. A script
counts as one test, or as many as its lines "ok NAME" and "not ok NAME" say. A program that crashes, hangs or can't
be built counts as one failed test with its name.
"""

import argparse
import fnmatch
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOGS = ROOT / "build" / "test-logs"
BUILD_LIMIT_S = 3600
UNIT_LIMIT_S = 1200
# Of the simulated fleet, in release: from 1000001 on each world lacks half of the kinds of faults and has the newer ones.
SEEDS = "1-700,1000001-1000500"
SANITIZED_SEEDS = "1-8,1000001-1000008"
WEEKS = "1-1"  # of the large world: 20 gateways, 400 devices
SEEDS_LIMIT_S = 3600  # of a range that somebody asks for
CI_SEEDS_LIMIT_S = 1800
PROGRAM_LIMIT_S = 900
SCRIPT_LIMIT_S = 900
# Fuzz targets: a smoke run over their seeds and some thousand inputs made of them; by night a time each.
FUZZ_RUNS = 20_000
FUZZ_NIGHT_S = 60
FUZZ_LIMIT_S = 300
NIGHT_SEEDS = ("701-3000", "1000501-1003000")
NIGHT_WEEKS = "2-3"
NIGHT_LIMIT_S = 3600
MOST_LINES_SHOWN = 60
# Tests that mostly wait for other processes run side by side, so many at a time.
SIDE_BY_SIDE = 4
UNIT_SHARDS = 2
PRODUCTS = ("dray-server", "dray-gateway", "dray-agent", "drayctl", "dray-forecast")
CALM_PROGRAMS = ("agent_tests", "claims_gateway_tests", "claims_system_tests", "gateway_tests")

SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1",
}


class Counts:
    def __init__(self):
        self.passed, self.failed, self.skipped = [], {}, []  # failed: name -> lines to show


class Child:
    """One process in its own group, writing into its log."""

    def __init__(self, name, command, environment=None):
        self.log = LOGS / (name + ".log")
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                            start_new_session=True, env={**os.environ, **(environment or {})})

    def end(self, limit_s, on_line=None):
        """(exit status or None for time-out, output). on_line: is called with each line, about when it is written."""
        try:
            status = self.wait(limit_s, on_line)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)  # also what the suite has left behind
            except ProcessLookupError:
                pass
            self.process.wait()
        return status, self.log.read_text(errors="replace")

    def wait(self, limit_s, on_line):
        if on_line is None:
            return self.process.wait(limit_s)
        latest = time.monotonic() + limit_s
        with self.log.open(errors="replace") as lines:
            while True:
                try:
                    return self.process.wait(1)
                except subprocess.TimeoutExpired:
                    if time.monotonic() > latest:
                        raise
                for line in lines:
                    on_line(line)


def run(name, command, limit_s, environment=None, on_line=None):
    return Child(name, command, environment).end(limit_s, on_line)


# What has a session of its own has a share of the processor of its own too (sched(7), autogroup), whatever its nice value.
GENTLY = ["sh", "-c", 'if [ -e /proc/self/autogroup ]; then echo 19 > /proc/self/autogroup; fi && exec nice -n 19 "$@"', "sh"]


def can_be_gentle():
    return subprocess.run([*GENTLY, "true"], start_new_session=True, stderr=subprocess.DEVNULL).returncode == 0


def ended(status, limit_s):
    if status is None:
        return f"took longer than {limit_s} s"
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def gtest(output):
    """Counts from a program's output rather than from its report, which a crash would leave unwritten."""
    counts, running, lines = Counts(), None, []
    for line in output.splitlines():
        started = re.search(r"\[ RUN      \] (\S+)", line)
        if started:
            running, lines = started[1], []
            continue
        done = re.search(r"\[(       OK |  FAILED  |  SKIPPED )\] ([^\s,]+).*\(\d+ ms\)", line)
        if done and running == done[2]:
            word = done[1].strip()
            if word == "OK":
                counts.passed.append(running)
            elif word == "SKIPPED":
                counts.skipped.append(running + ": " + " ".join(text.strip() for text in lines if text.strip())[-160:])
            else:
                counts.failed[running] = lines
            running = None
        elif running:
            lines.append(line)
    return counts, running, lines


def run_gtest(name, program, filter_, environment, limit_s):
    command = [str(program)] + (["--gtest_filter=" + filter_] if filter_ else [])
    shards = SIDE_BY_SIDE if program.name in CALM_PROGRAMS else UNIT_SHARDS if program.name == "unit_tests" else 1
    children = []
    for i in range(shards):
        shard = {"GTEST_TOTAL_SHARDS": str(shards), "GTEST_SHARD_INDEX": str(i)} if shards > 1 else {}
        children.append(Child(f"{name}-{i}" if shards > 1 else name, command, {**environment, **shard}))
    total = Counts()
    for child in children:
        status, output = child.end(limit_s)
        counts, running, lines = gtest(output)
        if running:
            counts.failed[running] = lines + [f"{name} {ended(status, limit_s)} in this test; what comes after it did not run"]
        elif status != 0 and not counts.failed:
            counts.failed[name] = output.splitlines()[-MOST_LINES_SHOWN:] + [f"{name} {ended(status, limit_s)}"]
        total.passed += counts.passed
        total.skipped += counts.skipped
        total.failed.update(counts.failed)
    if not filter_ and not total.passed and not total.skipped and not total.failed:
        total.failed[name] = [f"{name} holds no test"]
    return total


def run_script(name, script, limit_s, environment):
    status, output = run(name, [str(script)], limit_s, environment)
    counts, lines = Counts(), []
    for line in output.splitlines():
        said = re.match(r"(ok|not ok|skip) (.*)", line)
        if not said:
            lines.append(line)
            continue
        if said[1] == "ok":
            counts.passed.append(said[2])
        elif said[1] == "skip":
            counts.skipped.append(said[2])
        else:
            counts.failed[said[2]] = lines
        lines = []
    if status != 0 and not counts.failed:
        counts.failed[name] = lines + [f"{name} {ended(status, limit_s)}"]
    elif status == 0 and not counts.passed and not counts.skipped:
        counts.passed.append(name)
    return counts


def build(preset, targets, jobs, werror):
    print(f"building {preset} ...", flush=True)
    start = time.monotonic()
    configure = [str(ROOT / "tools/shell/configure.sh"), preset, "-DDRAY_WERROR=" + ("ON" if werror else "OFF")]
    for name, command in ((f"configure-{preset}", configure),
                          (f"build-{preset}", ["ninja", "-C", f"build/{preset}", "-j", str(jobs), *targets])):
        status, output = run(name, command, BUILD_LIMIT_S)
        if status != 0:
            counts = Counts()
            errors = [line for line in output.splitlines() if "error" in line.lower() or "FAILED" in line]
            counts.failed[name] = errors[:20] + output.splitlines()[-20:] + [f"{name} {ended(status, BUILD_LIMIT_S)}"]
            report(name, counts, time.monotonic() - start)
            return counts
        for line in output.splitlines():
            if line.endswith("beginning afresh here"):
                print(line, flush=True)
    print(f"built {preset} in {time.monotonic() - start:.0f} s", flush=True)
    return None


def report(name, counts, seconds):
    skipped = f", {len(counts.skipped)} skipped" if counts.skipped else ""
    mark = "FAIL" if counts.failed else "ok  "
    print(f"{mark} {name}: {len(counts.passed)} passed, {len(counts.failed)} failed{skipped} ({seconds:.1f} s)", flush=True)
    for reason in counts.skipped:
        print(f"       skipped {reason}", flush=True)
    for test, lines in counts.failed.items():
        print(f"  -- {test}", flush=True)
        for line in lines[-MOST_LINES_SHOWN:]:
            print("     " + line, flush=True)


class Total:
    def __init__(self):
        self.passed = 0
        self.failed = []

    def add_suite(self, suite, counts):
        self.passed += len(counts.passed)
        self.failed += [f"{suite}: {test}" for test in counts.failed]


def show_progress(line):
    if line.startswith(("... ", "covered ")):
        print("    " + line.rstrip(), flush=True)


def run_seeds(name, program, seeds, jobs, environment, limit_s, world="small", gently=False):
    """A range of seeds of the simulated fleet; one that failed is said with what replays it, the first with its story.
    gently: with what of the processor nobody else wants."""
    place = [] if world == "small" else ["--world", world]
    # What was covered, for docs/coverage-pairs.md.
    command = [str(program), "--seeds", seeds, "--jobs", str(jobs), "--pairs", str(LOGS / f"{name}-pairs.md"), *place]
    status, output = run(name, [*GENTLY, *command] if gently else command, limit_s, environment, show_progress)
    counts = Counts()
    failed = dict(re.findall(r"^dray-sim --seed (\d+)(?: --world \w+)? +# (.*)", output, re.MULTILINE))
    passed = re.search(r"^(\d+) seeds passed, (\d+) failed", output, re.MULTILINE)
    if passed:
        counts.passed = [f"seed {n}" for n in range(int(passed[1]))]
    for i, (seed, what) in enumerate(failed.items()):
        again = ["--seed", seed, *place]
        replay = f"{program.relative_to(ROOT)} {' '.join(again)}    # {what}"
        story = run(f"{name}-{seed}", [str(program), *again], limit_s, environment)[1].splitlines()[:-1] if i == 0 else []
        counts.failed[f"seed {seed}"] = story + [replay]
    if not passed or status not in (0, 1) or (status == 1 and not failed):
        counts.failed[name] = output.splitlines()[-MOST_LINES_SHOWN:] + [f"{name} {ended(status, limit_s)}"]
    return counts


def run_fuzz(name, program, budget, limit_s):
    """One fuzz target over its seeds; an input that broke it is kept below build/fuzz and said with what replays it."""
    target = program.name.removesuffix("_fuzz")
    kept = ROOT / "build" / "fuzz" / "kept"
    corpus = ROOT / "build" / "fuzz" / "corpus" / target
    for folder in (kept, corpus):
        folder.mkdir(parents=True, exist_ok=True)
    command = [str(program), *budget, "-seed=1", "-timeout=20", "-max_len=4096", "-print_final_stats=0", "-verbosity=0",
               f"-artifact_prefix={kept}/{target}-", str(corpus), str(ROOT / "tests" / "fuzz" / "seeds" / target)]
    status, output = run(name, command, limit_s, SANITIZERS)
    counts = Counts()
    if status == 0:
        counts.passed = [name]
        return counts
    wrote = re.findall(r"Test unit written to (\S.*)", output)
    replay = [f"{program.relative_to(ROOT)} {pathlib.Path(path).relative_to(ROOT)}" for path in wrote]
    counts.failed[name] = output.splitlines()[-MOST_LINES_SHOWN:] + replay + [f"{name} {ended(status, limit_s)}"]
    return counts


class Run:
    def __init__(self, arguments):
        self.arguments = arguments
        self.total = Total()

    def suite(self, name, function, *arguments):
        start = time.monotonic()
        counts = function(name, *arguments)
        if counts.passed or counts.failed or counts.skipped:
            report(name, counts, time.monotonic() - start)
        self.total.add_suite(name, counts)

    def built(self, preset, targets):
        failed = build(preset, targets, self.arguments.jobs, self.arguments.werror)
        if failed:
            self.total.add_suite(preset, failed)
        return not failed

    def unit(self, preset):
        simulated = preset == "asan" and not self.arguments.filter
        if not self.built(preset, ["unit_tests", "dray-sim"] if simulated else ["unit_tests"]):
            return
        program = ROOT / "build" / preset / "tests" / "unit_tests"
        self.suite(f"unit_tests-{preset}", run_gtest, program, self.arguments.filter, SANITIZERS, UNIT_LIMIT_S)
        if simulated:
            self.seeds(preset, SANITIZED_SEEDS, SANITIZERS, PROGRAM_LIMIT_S)

    def seeds(self, preset, seeds, environment, limit_s, world="small"):
        program = ROOT / "build" / preset / "bin" / "dray-sim"
        name = f"dray-sim-{preset}" + ("" if world == "small" else f"-{world}")
        self.suite(name, run_seeds, program, seeds, self.arguments.jobs, environment, limit_s, world)

    def seeds_beside(self, seeds):
        """Begins them; what it returns waits for their end and reports them."""
        name, counts = "dray-sim-release", []
        program = ROOT / "build" / "release" / "bin" / "dray-sim"
        start = time.monotonic()
        thread = threading.Thread(target=lambda: counts.append(
            run_seeds(name, program, seeds, self.arguments.jobs, {}, 2 * CI_SEEDS_LIMIT_S, gently=True)))
        thread.start()

        def end():
            thread.join()
            report(name, counts[0], time.monotonic() - start)
            self.total.add_suite(name, counts[0])

        return end

    def only_seeds(self):
        if self.built("release", ["dray-sim"]):
            self.seeds("release", self.arguments.seeds, {}, SEEDS_LIMIT_S)

    def only_mutants(self):
        if self.built("release", [*PRODUCTS, "dray-sim"]) and self.built("mutants", ["dray-sim"]):
            script = ROOT / "tests" / "integration" / "mutants" / "mutants_test.py"
            self.suite("integration-mutants", run_script, script, SCRIPT_LIMIT_S, {})

    def fuzz(self, budget, limit_s):
        if not self.built("fuzz", ["fuzz"]):
            return
        for program in sorted((ROOT / "build" / "fuzz" / "bin").glob("*_fuzz")):
            self.suite(program.name, run_fuzz, program, budget, limit_s)

    def nightly(self):
        self.built("dev", [])  # each file alone, which finds a missing include
        self.only_mutants()
        if self.built("release", ["dray-sim"]):
            for seeds in NIGHT_SEEDS:
                self.seeds("release", seeds, {}, NIGHT_LIMIT_S)
            self.seeds("release", NIGHT_WEEKS, {}, PROGRAM_LIMIT_S, "week")
        self.fuzz([f"-max_total_time={FUZZ_NIGHT_S}"], FUZZ_NIGHT_S + FUZZ_LIMIT_S)

    def release(self):
        if not self.built("release", []):
            return
        environment = {"DRAY_BIN_DIR": str(ROOT / "build" / "release" / "bin"), "DRAY_MUTANTS": "list"}
        # Programs' tests mostly wait for clocks and for each other: the seeds take what they leave.
        beside = None if self.arguments.filter or not can_be_gentle() else self.seeds_beside(SEEDS)
        for program in sorted((ROOT / "build" / "release" / "tests").glob("*")):
            if program.is_file() and os.access(program, os.X_OK):
                self.suite(program.name, run_gtest, program, self.arguments.filter, environment, PROGRAM_LIMIT_S)
        if beside:
            beside()
        elif not self.arguments.filter:
            self.seeds("release", SEEDS, {}, CI_SEEDS_LIMIT_S)
        if not self.arguments.filter:
            self.seeds("release", WEEKS, {}, PROGRAM_LIMIT_S, "week")
        for script in sorted(ROOT.glob("tests/*/*/*")):
            if not os.access(script, os.X_OK) or not script.is_file() or not script.name.endswith((".sh", "_test.py")):
                continue
            name = str(script.relative_to(ROOT / "tests"))
            if not self.arguments.filter or fnmatch.fnmatch(name, self.arguments.filter):
                self.suite(name.replace("/", "-"), run_script, script, SCRIPT_LIMIT_S, environment)


CLAIMS = 78


def claims_of(page):
    """The table of docs/capabilities.md: claim -> its tests, each "program Suite.Test"."""
    out = {}
    for number, tests in re.findall(r"^\| (\d+) \|[^|]*\|([^|]*)\|$", page, re.MULTILINE):
        out[int(number)] = re.findall(r"`([^`]+)`", tests)
    return out


def prove_claims(jobs, werror):
    """Runs the tests that docs/capabilities.md names and prints a line a claim."""
    if build("release", [], jobs, werror):
        return 1
    claims = claims_of((ROOT / "docs" / "capabilities.md").read_text())
    programs = {}
    for tests in claims.values():
        for test in tests:
            program, name = test.split()
            programs.setdefault(program, set()).add(name)
    passed = set()
    for program, names in sorted(programs.items()):
        counts = run_gtest("claims-" + program, ROOT / "build" / "release" / "tests" / program, ":".join(sorted(names)), {}, PROGRAM_LIMIT_S)
        passed |= {f"{program} {name}" for name in counts.passed}
        for test, lines in counts.failed.items():
            print(f"  -- {program} {test}")
            for line in lines[-MOST_LINES_SHOWN:]:
                print("     " + line)
    failures = 0
    for claim in range(1, CLAIMS + 1):
        tests = claims.get(claim, [])
        good = bool(tests) and all(test in passed for test in tests)
        failures += not good
        print(f"claim {claim}: {'pass' if good else 'fail'}: {', '.join(tests) or 'no test'}")
    print(f"{CLAIMS - failures} passed, {failures} failed", flush=True)
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=["all", "unit", "release", "tsan", "claims", "seeds", "mutants", "fuzz", "nightly"], default="all")
    parser.add_argument("--seeds", default=SEEDS)
    parser.add_argument("--filter", default="")
    parser.add_argument("--werror", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    if arguments.mode == "claims":
        return prove_claims(arguments.jobs, arguments.werror)
    everything = Run(arguments)
    if arguments.mode in ("all", "unit"):
        everything.unit("asan")
    if arguments.mode == "seeds":
        everything.only_seeds()
    if arguments.mode == "mutants":
        everything.only_mutants()
    if arguments.mode == "tsan":
        everything.unit("tsan")
    if arguments.mode in ("all", "release"):
        everything.release()
    if arguments.mode == "fuzz" or (arguments.mode == "all" and not arguments.filter):
        everything.fuzz([f"-runs={FUZZ_RUNS}"], FUZZ_LIMIT_S)
    if arguments.mode == "nightly":
        everything.nightly()
    total = everything.total
    print(f"took {time.monotonic() - start:.0f} s; logs are in build/test-logs")
    for name in total.failed:
        print(f"failed: {name}")
    if total.passed + len(total.failed) == 0:
        total.failed.append("no test ran")
    print(f"{total.passed} passed, {len(total.failed)} failed", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
