#!/usr/bin/env python3
"""Today's programs on what was kept in tests/formats: dray-server, dray-gateway and dray-agent as processes; and
dray-gateway on documents that can't be read (docs/formats.md)."""

import json
import os
import pathlib
import shutil
import socket
import sqlite3
import sys
import tempfile
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools/demo"))

from processes import Failed, Processes, wait_until  # noqa: E402

PROGRAMS = pathlib.Path(os.environ.get("DRAY_BIN_DIR", ROOT / "build/release/bin"))
SETS = sorted(path for path in (ROOT / "tests/formats").iterdir() if path.is_dir())
START_LIMIT_S = 60
FINAL = ("succeeded", "failed", "rolled_back", "cancelled", "expired", "incompatible")
DAMAGES = {"cut": lambda text: text[:len(text) // 2], "flipped": lambda text: bytes([text[0] ^ 0x40]) + text[1:],
           "other": lambda text: b"[1, 2]", "later": lambda text: b'{"format": 99}', "empty": lambda text: b""}
failures = 0


class Gone:
    """An address at which nobody listens, and which nobody else gets meanwhile."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]


class Case:
    def __init__(self, folder):
        self.folder, self.nobody = pathlib.Path(folder), Gone()
        self.processes = Processes(self.folder / "logs")

    def database(self, dump, name):
        """Makes it again; gives a connection to it."""
        path = self.folder / "data" / name
        path.parent.mkdir(exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None)
        connection.executescript(dump.read_text())
        return connection

    def start(self, program, config):
        file, ports = self.folder / f"{program}.toml", self.folder / f"{program}.ports"
        file.write_text(config)
        ports.unlink(missing_ok=True)
        process = self.processes.start(program, [PROGRAMS / program, "--config", file, "--ports-file", ports])
        wait_until(f"the start of {program}", ports.exists, START_LIMIT_S, self.processes)
        text = ports.read_text()
        self.ports = json.loads(text) if text.startswith("{") else dict(line.split("=") for line in text.split())
        return process

    def start_gateway(self):
        self.start("dray-gateway", f'data = "data"\nlisten = "127.0.0.1:0"\nlocal_listen = "127.0.0.1:0"\n[server]\n'
                                   f'url = "http://{self.nobody.address}"\ntoken = "gateway-token"\n[updates]\ncancel_within_s = 86400\n')
        wait_until("its documents", lambda: (self.get("local", "/readyz") or {}).get("ready"), START_LIMIT_S, self.processes)

    def get(self, door, path, token=None, words=True):
        port = self.ports[door] if str(self.ports[door]).isdigit() else str(self.ports[door]).rsplit(":", 1)[-1]
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read()
        except urllib.error.URLError:
            return None
        return json.loads(text) if words else text


def gateway_understands(case, set_):
    said = json.loads((set_ / "gateway/said.json").read_text())
    connection = case.database(set_ / "gateway/gateway.dump", "gateway.db")
    link = json.loads(connection.execute("SELECT text FROM document WHERE kind = 'meta' AND id = 'link'").fetchone()[0])
    connection.close()
    case.start_gateway()
    status, jobs = case.get("local", "/api/v1/status"), {job["id"]: job for job in case.get("local", "/api/v1/jobs")["jobs"]}
    assert status["unreadable"] == [], status["unreadable"]
    assert sorted(jobs) == sorted(job["id"] for job in said["jobs"]), sorted(jobs)
    for job in said["jobs"]:
        # Time has passed since: what had not ended may have gone on.
        if job["state"] in FINAL:
            assert jobs[job["id"]]["state"] == job["state"], (job, jobs[job["id"]])
    deferrals = case.get("local", "/api/v1/deferrals")["deferrals"]
    for one in deferrals:
        one.pop("stands")  # came later
    assert deferrals == said["deferrals"], (deferrals, said["deferrals"])
    assert (status["link"]["wan_bytes"], status["link"]["lan_bytes"]) == (link["wan"], link["lan"]), status["link"]


def server_understands(case, set_):
    said = json.loads((set_ / "server/said.json").read_text())
    case.database(set_ / "server/server.dump", "server.db").close()
    token_file = case.folder / "data/admin-token"
    shutil.copyfile(set_ / "server/admin-token", token_file)
    token_file.chmod(0o600)
    case.start("dray-server", 'data = "data"\n[admin]\nlisten = "127.0.0.1:0"\n[gateway]\nlisten = "127.0.0.1:0"\n')
    token = token_file.read_text().strip()
    for name, items in said.items():
        now = case.get("admin", f"/api/v1/{name}?limit=1000", token)["items"]
        # Time has passed since: a rollout that was running may be over.
        keys = [key for key in items[0] if name != "rollouts" or key != "state"]
        kept, items = [[{key: item.get(key) for key in keys} for item in some] for some in (now, items)]
        assert kept == items, (name, [pair for pair in zip(kept, items) if pair[0] != pair[1]][:2])


def agent_understands(case, set_, device):
    data = case.folder / "data"
    shutil.copytree(set_ / "agent" / device, data)
    current = data / "device/current"
    slot = current.read_text().strip()
    current.unlink()
    current.symlink_to(slot)
    for record in data.glob("device/slots/*/metadata.json"):
        for component in json.loads(record.read_text())["components"]:
            (record.parent / component).mkdir()
            (record.parent / component / "image").write_text("bytes that nobody knows")
    file = case.folder / "agent.toml"
    file.write_text(f'id = "{device}"\ntype = "till"\ndata = "data"\n[server]\nurl = "http://{case.nobody.address}"\ntoken = "t"\n'
                    '[poll]\nstart_jitter_s = 0\n[installer]\nkind = "ab-dir"\n[[installer.components]]\nname = "os"\n')
    process = case.processes.start("dray-agent", [PROGRAMS / "dray-agent", "boot", "--config", file])
    wait_until("what is installed", lambda: "installed component=os" in process.log.read_text(), START_LIMIT_S, case.processes)
    assert "unreadable" not in process.log.read_text(), process.tail()


def gateway_survives(case, set_):
    """Each kind of document, damaged in each way: the program starts, says so, keeps it beside, and does nothing new."""
    connection = case.database(set_ / "gateway/gateway.dump", "gateway.db")
    documents = connection.execute("SELECT kind, id, text FROM document ORDER BY kind, id").fetchall()
    connection.close()
    first = {(kind, id_ if kind == "meta" else ""): (kind, id_, text) for kind, id_, text in reversed(documents)}
    ways = list(DAMAGES.values())
    # Every kind at once, each in another way; once for each way.
    for turn in range(len(ways)):
        connection = sqlite3.connect(case.folder / "data/gateway.db", isolation_level=None)
        connection.execute("DELETE FROM document")
        connection.executemany("INSERT INTO document VALUES(?, ?, ?)", documents)
        for n, (kind, id_, text) in enumerate(first.values()):
            bad = ways[(turn + n) % len(ways)](text.encode())
            if bad.isdigit():
                bad = b"x"  # a number that was cut is a number
            connection.execute("UPDATE document SET text = CAST(? AS TEXT) WHERE kind = ? AND id = ?", (bad, kind, id_))
        connection.close()
        case.start_gateway()
        status = case.get("local", "/api/v1/status")
        listed = {one["document"] for one in status["unreadable"]}
        missing = {f"{kind}/{id_}" for kind, id_, _ in first.values()} - listed
        assert not missing, missing
        assert status["reason"] == "stored_unreadable", status["reason"]
        running = [job for job in case.get("local", "/api/v1/jobs")["jobs"] if job["state"] in ("waiting_confirm",)]
        assert not running, running
        case.processes.end()


def check(name, test, *arguments):
    global failures
    with tempfile.TemporaryDirectory() as folder:
        case = Case(folder)
        try:
            test(case, *arguments)
            print("ok " + name, flush=True)
        except (AssertionError, Failed, KeyError, OSError) as why:
            failures += 1
            print(f"   {type(why).__name__}: {why}")
            for log in (case.folder / "logs").glob("*.log"):
                print("   " + "\n   ".join(log.read_text(errors="replace").splitlines()[-12:]))
            print("not ok " + name, flush=True)
        finally:
            case.processes.end()


def main():
    for set_ in SETS:
        if (set_ / "gateway").is_dir():
            check(f"dray-gateway understands what was kept in {set_.name}", gateway_understands, set_)
        if (set_ / "server").is_dir():
            check(f"dray-server understands what was kept in {set_.name}", server_understands, set_)
        for device in sorted(path.name for path in (set_ / "agent").glob("till-*")):
            check(f"dray-agent understands {device} of {set_.name}", agent_understands, set_, device)
    check("dray-gateway starts whatever its documents are", gateway_survives, SETS[-1])
    return 1 if failures or not SETS else 0


if __name__ == "__main__":
    sys.exit(main())
