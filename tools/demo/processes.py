"""Starts the demo's processes, and ends every one of them on every path."""

import ctypes
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """Something that the person who runs the demo has to read."""


def _die_with_parent():
    # Also a killed demo leaves nothing behind: the kernel ends what it started.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    def __init__(self, name, command, log, popen):
        self.name, self.command, self.log, self.popen = name, command, log, popen

    def running(self):
        return self.popen.poll() is None

    def tail(self, lines=15):
        return "\n".join("    " + line for line in self.log.read_text(errors="replace").splitlines()[-lines:])


class Processes:
    """Each process leads its own group; end() asks each to stop, then makes sure of the whole group."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.all = []

    def start(self, name, command, environment=None, stdout=None):
        log = self.folder / f"{name}.log"
        with log.open("ab") as out:
            popen = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=stdout or out,
                                     stderr=out, start_new_session=True, preexec_fn=_die_with_parent,
                                     env={**os.environ, **(environment or {})})
        process = Process(name, command, log, popen)
        self.all.append(process)
        return process

    def check(self):
        for process in self.all:
            if not process.running():
                raise Failed(f"{process.name} has ended with status {process.popen.returncode}:\n{process.tail()}")

    def end(self, grace_s=5.0):
        for process in reversed(self.all):
            if process.running():
                process.popen.terminate()
        limit = time.monotonic() + grace_s
        for process in self.all:
            try:
                process.popen.wait(max(0.0, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(process.popen.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
            process.popen.wait()
            if process.popen.stdout:
                process.popen.stdout.close()
        self.all.clear()


def wait_until(what, condition, limit_s, processes=None):
    """The condition's first true value; Failed after the limit, or as soon as a process has ended."""
    limit = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if processes:
            processes.check()
        if time.monotonic() > limit:
            raise Failed(f"{what} did not happen within {limit_s:.0f} s")
        time.sleep(0.05)


class Relay:
    """A dray-relay: a line of limited rate (bytes per second) that can break."""

    def __init__(self, processes, program, name, to, rate=0, cut_after=0, cuts=0):
        command = [program, "--to", to, "--rate", f"{rate} B/s"]
        if cut_after:
            command += ["--cut-after", cut_after, "--cuts", cuts]
        self.process = processes.start(name, command, stdout=subprocess.PIPE)
        line = self.process.popen.stdout.readline()
        if not line:
            raise Failed(f"{name} did not start:\n{self.process.tail()}")
        ready = json.loads(line)
        self.listen, self.control = ready["listen"], ready["control"]
        host, port = self.control.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=5)
        self._lines = self._socket.makefile("rw")

    def order(self, text):
        """cut, drop, heal, rate N or stats; answers with the counts."""
        self._lines.write(text + "\n")
        self._lines.flush()
        return json.loads(self._lines.readline())
