#!/usr/bin/env python3
"""The commands' own machinery: that ./test counts crashes, that the demo leaves nothing running, and the like."""

import io
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True
for folder in ("tools/test", "tools/demo", "tools/firmware"):
    sys.path.insert(0, str(ROOT / folder))

import demo  # noqa: E402
import fetch  # noqa: E402
import fleet  # noqa: E402
import processes  # noqa: E402
import run  # noqa: E402
import view  # noqa: E402

RAN = """\
[ RUN      ] A.Passes
[       OK ] A.Passes (1 ms)
[ RUN      ] A.Fails
a_test.cc:3: Failure
[  FAILED  ] A.Fails, where GetParam() = 7 (0 ms)
[ RUN      ] A.IsSkipped
no swupdate here
[  SKIPPED ] A.IsSkipped (0 ms)
"""


def program(folder, text):
    path = pathlib.Path(folder) / "program"
    path.write_text("#!/bin/bash\n" + text)
    path.chmod(0o755)
    return path


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


def ends(pid):
    """Who is killed without being waited for is gone a moment later."""
    return processes.wait_until("end", lambda: gone(pid), 10)


class Cases:
    def test_counts_what_passed_failed_and_was_skipped(self, folder):
        counts = run.run_gtest("x", program(folder, f"cat <<'END'\n{RAN}END\nexit 1\n"), "", {}, 10)
        assert counts.passed == ["A.Passes"], counts.passed
        assert counts.failed == {"A.Fails": ["a_test.cc:3: Failure"]}, counts.failed
        assert counts.skipped == ["A.IsSkipped: no swupdate here"], counts.skipped

    def test_counts_a_crash_as_the_failed_test_that_it_happened_in(self, folder):
        counts = run.run_gtest("x", program(folder, f"cat <<'END'\n{RAN}[ RUN      ] A.Crashes\nEND\nkill -SEGV $$\n"), "", {}, 10)
        assert "A.Crashes" in counts.failed and "SIGSEGV" in counts.failed["A.Crashes"][-1], counts.failed

    def test_counts_a_program_that_hangs_and_ends_all_of_it(self, folder):
        script = program(folder, f"echo '[ RUN      ] A.Hangs'\nsleep 600 & echo $! >{folder}/pid\nwait\n")
        counts = run.run_gtest("x", script, "", {}, 0.5)
        assert "took longer" in counts.failed["A.Hangs"][-1], counts.failed
        assert ends(int((pathlib.Path(folder) / "pid").read_text()))

    def test_counts_a_program_that_fails_without_a_word(self, folder):
        assert list(run.run_gtest("x", program(folder, "exit 3\n"), "", {}, 10).failed) == ["x"]
        assert list(run.run_gtest("x", program(folder, "exit 0\n"), "", {}, 10).failed) == ["x"]

    def test_counts_the_lines_of_a_script(self, folder):
        counts = run.run_script("x", program(folder, "echo ok one; echo why; echo not ok two; exit 1\n"), 10, {})
        assert counts.passed == ["one"] and counts.failed == {"two": ["why"]}, (counts.passed, counts.failed)
        assert run.run_script("x", program(folder, "true\n"), 10, {}).passed == ["x"]
        assert list(run.run_script("x", program(folder, "echo ok one; exit 1\n"), 10, {}).failed) == ["x"]

    def test_reads_the_version_that_a_kernel_states(self, _):
        image = bytearray(0x1000)
        image[0x202:0x206] = b"HdrS"
        struct.pack_into("<H", image, 0x20E, 0x300)
        image[0x500:0x51A] = b"6.1.0-56-cloud-amd64 (x) #1"[:26]
        assert fetch.kernel_version(bytes(image)) == "6.1.0-56-cloud-amd64 (x) #"
        assert fetch.kernel_version(bytes(0x1000)) is None

    def test_demo_ends_its_processes_and_theirs(self, folder):
        started = processes.Processes(folder)
        child = started.start("stubborn", [program(folder, f"trap '' TERM\nsleep 600 & echo $! >{folder}/pid\nwhile true; do wait; done\n")])
        pid = pathlib.Path(folder) / "pid"
        processes.wait_until("start", lambda: pid.exists() and pid.read_text(), 10)
        started.end(grace_s=0.3)
        assert gone(child.popen.pid)
        assert ends(int(pid.read_text()))

    def test_killed_demo_leaves_nothing(self, folder):
        code = (f"import sys; sys.path.insert(0, {str(ROOT / 'tools/demo')!r}); sys.dont_write_bytecode = True\n"
                f"import processes, time; p = processes.Processes({folder!r}).start('child', ['sleep', '600'])\n"
                "print(p.popen.pid, flush=True); time.sleep(600)\n")
        demo = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        pid = int(demo.stdout.readline())
        demo.send_signal(signal.SIGKILL)
        demo.wait()
        demo.stdout.close()
        assert ends(pid)

    def test_demo_says_which_process_has_ended_and_why(self, folder):
        started = processes.Processes(folder)
        started.start("short", [program(folder, "echo the reason\nexit 4\n")])
        try:
            processes.wait_until("never", lambda: False, 10, started)
            raise AssertionError("was not noticed")
        except processes.Failed as error:
            assert "short has ended with status 4" in str(error) and "the reason" in str(error), error
        finally:
            started.end()

    def test_demo_has_21_devices_of_two_sites_and_one_that_nothing_fits(self, _):
        devices = fleet.devices({"kernel", "uefi", "uefi-arm"})
        assert len(devices) == 21 and len({device.name for device in devices}) == 21
        assert sum(not device.type.artifacts for device in devices) == 1
        assert any(len(device.type.components) == 2 for device in devices)
        assert sum(device.broken_lan for device in devices) == 1
        assert {site.delivery for site in fleet.SITES} == {"pull", "push"}

    def test_table_fits_its_columns(self, _):
        rows = [view.Row("lyon-01", "edge-pc", "kernel " + "6" * 60, "downloading", "waiting_artifact", 5, 10, 2),
                view.Row("berlin-11", "riscv-board", "sbi 1.2", "waiting_window", "nothing fits this type of device at all", 0, 0, 1)]
        site = view.Site("lyon", "pull", rows, 33_300_000, 44_400_000, 1_900_000.0, 2_000_000, "line cut: its gateway goes on alone")
        for columns in (20, 32, 40, 60, 79, 80, 81, 100, 120, 200):
            for colour in (False, True):
                drawn = list(view.Table(io.StringIO()).lines([site], "headline " + "x" * 200, columns, colour))
                lines = [re.sub("\x1b\\[[0-9;]*m", "", text) for text in drawn]
                assert max(map(len, lines)) <= columns, (columns, lines)
                if columns < 80:
                    continue
                table = lines[-2:]
                assert "██████░░░░░░ " in table[0] and "downloading " in table[0] and "kernel 6" in table[0], (columns, table)
                assert "· waiting_window " in table[1] and "nothing fit" in table[1], (columns, table)
                assert table[0].index("· ") == table[1].index("· "), "the columns stand below each other"
                assert any("its gateway goes on alone" in text for text in lines), (columns, lines)
                assert columns < 120 or "(try 2)" in table[0], table[0]

    def test_demo_takes_the_newer_word_of_either_side(self, _):
        succeeded, scheduled = {"state": "succeeded", "reason": "succeeded"}, {"state": "scheduled", "reason": "waiting_slot"}
        assert demo.newer(scheduled, succeeded)["state"] == "succeeded", "the server has not heard of it"
        assert demo.newer(succeeded, {"state": "rebooting"})["state"] == "succeeded"
        assert demo.newer({}, scheduled)["state"] == "scheduled"
        assert demo.newer({"attempt": 2, "state": "scheduled"}, {"state": "rebooting"})["attempt"] == 2


def main():
    run.LOGS = pathlib.Path(tempfile.mkdtemp(prefix="dray-commands-"))
    failed = 0
    for name in [name for name in dir(Cases) if name.startswith("test_")]:
        title = "Commands." + name[len("test_"):]
        with tempfile.TemporaryDirectory(prefix="dray-commands-") as folder:
            try:
                getattr(Cases(), name)(folder)
                print("ok " + title, flush=True)
            except Exception as error:  # the runner wants a line for each
                print(f"   {type(error).__name__}: {error}")
                print("not ok " + title, flush=True)
                failed += 1
    subprocess.run(["rm", "-rf", run.LOGS], check=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
