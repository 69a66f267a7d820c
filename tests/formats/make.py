#!/usr/bin/env python3
"""Keeps what today's programs write, as text, so that every later program is tried on it (docs/formats.md).

Usage: tests/formats/make.py PROGRAMS INTO        for example: tests/formats/make.py build/release/bin tests/formats/2026-11-30

Starts dray-server, dray-gateway and dray-agent of the folder PROGRAMS on loopback ports of the system's choice, lets
jobs come into every phase that can be brought about from outside, ends the programs, and writes

  INTO/server/server.dump     the server's database, and the token of its admin API (of this story only)
  INTO/gateway/gateway.dump   the gateway's database; its documents are rows of one table
  INTO/*/said.json            what the APIs of both said of it
  INTO/agent/...              the files of two agents' data folders, and each state that one of them went through
"""

import json
import os
import pathlib
import shutil
import sqlite3
import sys
import tempfile
import threading
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools/demo"))

from dray import Dray  # noqa: E402
from processes import Failed, Processes, wait_until  # noqa: E402

FAR = "+3000d"
SAID = {"sites": ("name", "time_zone", "limits", "transfer_windows", "update_windows", "black_outs"),
        "devices": ("name", "site", "type", "attributes", "running"), "rollouts": ("id", "state", "counts", "priority"),
        "deferrals": ("id", "site", "device", "until", "by", "why")}
FOREIGN = ("asked", "deferred", "ready", "transmitting", "installing", "restarting", "backoff", "cancelling", "succeeded",
           "cancelled", "planned", "failed", "expired", "hidden", "busy", "slow")


def dump(database, into):
    """As SQL text that makes the same database again."""
    connection = sqlite3.connect(database)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    lines = [f"PRAGMA user_version = {version};", *connection.iterdump()]
    connection.close()
    into.parent.mkdir(parents=True, exist_ok=True)
    into.write_text("\n".join(lines) + "\n")


class Device:
    """A DDI client that does only what it is told."""

    def __init__(self, dray, name, type_):
        self.name = name
        token = dray.folder / f"{name}.token"
        dray.ctl("device", "create", name, "--site", "berlin", "--type", type_, "--attribute", f"kind={name}", "--token-to", token)
        self.token, self.base = token.read_text().strip(), f"http://{dray.doors['berlin']}/DEFAULT/controller/v1/{name}"

    def call(self, method, url, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url if "://" in url else self.base + url, data=data, method=method,
                                         headers={"Authorization": "TargetToken " + self.token, "Content-Type": "application/json",
                                                  "Accept": "*/*", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code in (404, 401, 503):
                return None
            raise
        return text

    def link(self, kind):
        """The action that a poll shows under this name; None where it shows none."""
        text = self.call("GET", "")
        links = json.loads(text)["_links"] if text else {}
        return links[kind]["href"].split("/")[-1].split("?")[0] if kind in links else None

    def wait(self, kind):
        return wait_until(f"{kind} of {self.name}", lambda: self.link(kind), 60)

    def files(self, action):
        deployment = json.loads(self.call("GET", f"/deploymentBase/{action}"))
        artifacts = [a for chunk in deployment["deployment"]["chunks"] for a in chunk["artifacts"]]
        return [(a["_links"].get("download-http") or a["_links"]["download"])["href"] for a in artifacts]

    def feedback(self, action, execution, finished, details=(), kind="deploymentBase"):
        return self.call("POST", f"/{kind}/{action}/feedback",
                         {"id": action, "status": {"execution": execution, "result": {"finished": finished}, "details": list(details)}})

    def confirm(self, answer, more=None):
        action = self.wait("confirmationBase")
        self.call("POST", f"/confirmationBase/{action}/feedback", {"confirmation": answer, "details": ["by a test"], **(more or {})})
        return action

    def power_on(self, boot, versions):
        data = {"dray.boot_id": boot, "hw": "3.1", **{f"dray.version.{c}": v for c, v in versions.items()}}
        self.call("PUT", "/configData", {"mode": "merge", "data": data})

    def start(self):
        action = self.wait("deploymentBase")
        return action, self.files(action)


class Slow(Dray):
    """A gateway whose back-offs and cancels last longer than the story."""

    def write(self, path, keys, tables=()):
        slow = {"retry_base_s": 3600, "retry_cap_s": 3600, "cancel_within_s": 86400}
        if path.name == "gateway.toml":
            tables = [(name, slow if name == "updates" else inner) for name, inner in tables]
        return super().write(path, keys, tables)


class Story:
    def __init__(self, folder, programs):
        self.processes = Processes(folder / "logs")
        self.dray = Slow(folder, programs, self.processes)
        self.folder = folder
        self.shas = {}

    def image(self, component, version, text, type_):
        file = self.folder / f"{component}-{version}.img"
        file.write_text(text)
        made = self.dray.ctl("artifact", "push", file, "--name", component, "--component", component, "--version", version,
                             *(part for t in type_ for part in ("--type", t)))
        self.shas[component, version] = made["sha256"]

    def rollout(self, name, release, filter_, keys=None, tables=()):
        given = {"release": release, "filter": filter_, "delivery": "pull", "update_at": "now", "expires_at": FAR, **(keys or {})}
        return self.dray.ctl("rollout", "create", self.dray.write(self.folder / f"{name}.toml", given, tables))["id"]

    def prepare(self):
        dray = self.dray
        dray.start_server()
        for name, more in (("board", ["--client", "dray", "--ask", "poll", "--ends-on", "closed"]), ("panel", ["--client", "dray", "--ask", "poll", "--ends-on", "power_on"]),
                           ("till", ["--client", "dray"])):
            dray.ctl("type", "create", name, "--component", "os", "--component", "app", "--one-by-one", "--power-on-within", "86400", *more)
        site = type("Site", (), {"name": "berlin", "time_zone": "Europe/Berlin"})
        dray.start_gateway(site, lambda address: address)
        dray.ctl("site", "set", "berlin", "--concurrency", "20")
        dray.ctl("site", "create", "lyon", "--time-zone", "Europe/Paris")
        dray.ctl("site", "set", "lyon", "--transfer-window", "Mon-Fri 22:00-05:00", "--update-window", "02:00-05:00",
                 "--black-out", "2026-12-24..2027-01-02")
        for name in ("till-lyon", "till-nice"):
            dray.ctl("device", "create", name, "--site", "lyon", "--type", "till")
        types = ("board", "panel", "till")
        for version in ("1", "2"):
            self.image("os", version, f"image {version} " * 300_000, types)
        self.image("app", "7", "app 7 " * 100, types)
        dray.ctl("release", "create", "firmware", "2", self.shas["os", "2"])
        dray.ctl("release", "create", "both", "2", self.shas["os", "2"], self.shas["app", "7"])
        kinds = {"asked": "till", "busy": "till", "deferred": "till", "restarting": "panel"}
        self.devices = {name: Device(dray, "dev-" + name, kinds.get(name, "board")) for name in FOREIGN}

    def agents(self):
        entry = self.folder / "os-1.img"
        for name in ("till-1", "till-2"):
            folder = self.folder / "berlin" / name
            device = type("Device", (), {"name": name, "site": "berlin", "type": type("Type", (), {"name": "till"})})
            old = {c: {"file": entry, "version": "1", "sha256": self.shas["os", "1"], "size": entry.stat().st_size} for c in ("os", "app")}
            self.dray.start_device(device, self.dray.doors["berlin"], old)
            if name == "till-2":
                (folder / "data" / "busy").write_text("retry_after=86400\nstocktaking\n")

    def jobs(self):
        self.every = self.rollout("all", "firmware/2", "attribute.kind in (" + ",".join(
            "dev-" + n for n in FOREIGN if n not in ("planned", "failed", "expired", "slow")) + ")")
        self.rollout("later", "both/2", "name=dev-planned", {"update_at": "+2000d", "priority": 5})
        self.rollout("once", "firmware/2", "name=dev-failed", {"retry_limit": 1})
        self.rollout("push", "both/2", "site=berlin and type=till and name ~ \"till-*\"", {"delivery": "push", "transmit_at": "now"})
        self.dray.ctl("rollout", "create", self.dray.write(self.folder / "phased.toml", {
            "release": "both/2", "filter": "site=lyon", "delivery": "pull", "expires_at": FAR},
            [("[phase]", {"name": "Lab", "count": 1, "soak_s": 3600, "failure_count": 1}), ("[phase]", {"name": "All others"})]))

    def act(self):
        d = self.devices
        d["asked"].wait("confirmationBase")
        d["deferred"].confirm("denied", {"dray": {"answer": "defer", "until": "2033-01-01T00:00:00Z", "by": "ines", "why": "stocktaking"}})
        d["ready"].wait("deploymentBase")
        _, files = d["transmitting"].start()
        d["transmitting"].call("GET", files[0], headers={"Range": "bytes=0-99"})
        for name in ("installing", "restarting", "backoff", "cancelling", "succeeded", "failed", "hidden"):
            action, files = d[name].start()
            d[name].action = action
            for file in files:
                d[name].call("GET", file)
        d["installing"].feedback(d["installing"].action, "proceeding", "none", ["writing the slot"])
        d["restarting"].power_on("boot-1", {"os": "1", "app": "7"})
        d["restarting"].feedback(d["restarting"].action, "closed", "success")
        d["backoff"].feedback(d["backoff"].action, "closed", "failure", ["no room", "gave up"])
        d["failed"].feedback(d["failed"].action, "closed", "failure", ["bad checksum"])
        d["succeeded"].feedback(d["succeeded"].action, "closed", "success", ["done"])
        d["succeeded"].power_on("boot-9", {"os": "2", "app": "7"})
        for name in ("cancelling", "cancelled"):
            self.dray.ctl("job", "cancel", f"{self.every}-dev-{name}", "--by", "ines", "--why", "wrong release")

    def states(self):
        return {job["device"]: job["state"] for job in self.dray.jobs("berlin").values()}

    def local(self, method, path, body=None):
        request = urllib.request.Request(f"http://{self.dray.local['berlin']}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def admin(self, method, path, body=None):
        request = urllib.request.Request(f"http://{self.dray.admin}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": "Bearer " + self.dray.token_file.read_text().strip()})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def wishes(self):
        self.dray.ctl("device", "defer", "dev-hidden", "--until", "2032-05-01T00:00:00Z", "--by", "kim", "--why", "open day")
        self.local("POST", "/api/v1/deferrals", {"device": "dev-planned", "until": "2033-02-01T00:00:00Z", "by": "technician",
                                                "why": "the door is locked", "accept_expiry": True})
        d = self.devices["busy"]
        d.wait("confirmationBase")
        self.devices["restarting"].call("POST", "/confirmationBase/activateAutoConfirm", {"initiator": "mo", "remark": "always"})
        d.call("PUT", "/configData", {"mode": "merge", "data": {"dray.boot_id": "boot-3", "dray.version.os": "1", "dray.busy": ";in use"}})

    def leave_a_part(self):
        """An artifact that has not come whole when all ends, over a line that is capped."""
        far = {"from": "2020-01-01T00:00:00Z", "to": "2040-01-01T00:00:00Z", "rate": 300_000}
        self.admin("PATCH", "/api/v1/sites/berlin", {"limits": {"wan": [far], "concurrency": 20}})
        self.image("os", "3", "image 3 " * 600_000, ("board",))
        self.dray.ctl("release", "create", "firmware", "3", self.shas["os", "3"])
        before = self.local("GET", "/api/v1/status")["link"]["wan_bytes"]
        self.rollout("slow", "firmware/3", "name=dev-slow")
        wait_until("a part", lambda: self.local("GET", "/api/v1/status")["link"]["wan_bytes"] > before + 700_000, 60)

    def keep_states(self, into, stop):
        """Every state.json that an agent goes through, once a phase."""
        seen, file = set(), self.folder / "berlin/till-1/data/state.json"
        while not stop.is_set():
            try:
                text = file.read_text()
                phase = json.loads(text)["phase"]
            except (FileNotFoundError, ValueError):
                continue
            if phase not in seen:
                seen.add(phase)
                (into / f"{phase}.json").write_text(text)

    def play(self, into):
        self.prepare()
        states = into / "agent" / "state"
        states.mkdir(parents=True)
        stop = threading.Event()
        watcher = threading.Thread(target=self.keep_states, args=(states, stop))
        watcher.start()
        try:
            self.agents()
            self.jobs()
            self.act()
            self.wishes()
            wait_until("the update of till-1", lambda: self.states().get("till-1") == "succeeded", 120)
            self.leave_a_part()
            wait_until("reports", lambda: self.local("GET", "/api/v1/status")["reports_waiting"] == 0, 60)
            self.rollout("short", "firmware/2", "name=dev-expired", {"expires_at": "+2s"})
            wait_until("the short rollout", lambda: self.states().get("dev-expired"), 60)
        finally:
            stop.set()
            watcher.join()
        server = {name: [{key: item.get(key) for key in keys} for item in self.admin("GET", f"/api/v1/{name}?limit=1000")["items"]]
                  for name, keys in SAID.items()}
        self.end("server")
        # With its server away the gateway keeps what it reports, and jobs that are over.
        wait_until("the expiry", lambda: self.states().get("dev-expired") == "expired", 60)
        self.local("POST", "/api/v1/deferrals", {"device": "till-2", "until": "2033-03-01T00:00:00Z", "by": "technician", "why": "Köln"})
        said = {"status": self.local("GET", "/api/v1/status"), "jobs": self.local("GET", "/api/v1/jobs")["jobs"],
                "deferrals": self.local("GET", "/api/v1/deferrals")["deferrals"]}
        self.end(*(p.name for p in self.processes.all))
        dump(self.folder / "server" / "server.db", into / "server" / "server.dump")
        dump(self.folder / "berlin" / "data" / "gateway.db", into / "gateway" / "gateway.dump")
        shutil.copyfile(self.dray.token_file, into / "server" / "admin-token")
        for tier, words in (("server", server), ("gateway", said)):
            (into / tier / "said.json").write_text(json.dumps(words, indent=1, sort_keys=True) + "\n")
        for name in ("till-1", "till-2"):
            data = self.folder / "berlin" / name / "data"
            for file in sorted(data.rglob("*.json")):
                place = into / "agent" / name / file.relative_to(data)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
            current = os.readlink(data / "device" / "current")
            (into / "agent" / name / "device" / "current").write_text(current + "\n")

    def end(self, *names):
        for process in list(self.processes.all):
            if process.name in names:
                process.popen.terminate()
                process.popen.wait(30)
                self.processes.all.remove(process)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    programs, into = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    if into.exists():
        sys.exit(f"{into} is there already: what was kept stays as it is")
    with tempfile.TemporaryDirectory() as folder:
        story = Story(pathlib.Path(folder), programs)
        try:
            story.play(into)
        finally:
            story.processes.end()
    print(f"kept {sum(f.stat().st_size for f in into.rglob('*') if f.is_file())} bytes in {into}")


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"make.py: {failed}")
