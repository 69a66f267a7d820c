"""Everything the demo knows about Dray's programs: their command lines, configuration files and answers."""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import urllib.error
import urllib.request

from processes import Failed, wait_until

START_LIMIT_S = 20


def toml(value):
    return json.dumps(str(value) if isinstance(value, pathlib.Path) else value)


class Dray:
    def __init__(self, folder, programs, processes):
        self.folder, self.programs, self.processes = pathlib.Path(folder), pathlib.Path(programs), processes
        self.admin = self.server_address = self.token_file = None  # the admin API; the gateways' door; its token
        self.doors, self.local = {}, {}  # site -> its gateway's address for devices; for the site's people
        self.quiet = set()  # commands that were shown once

    # --- files and processes ---

    def write(self, path, keys, tables=()):
        """A TOML file; tables are (name, keys)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{key} = {toml(value)}" for key, value in keys.items()]
        for name, inner in tables:
            lines += ["", f"[{name}]", *(f"{key} = {toml(value)}" for key, value in inner.items())]
        path.write_text("\n".join(lines) + "\n")
        return path

    def short(self, text):
        return str(text).replace(str(self.folder) + "/", "").replace(str(self.programs) + "/", "")

    def show(self, command, kind=None, after=""):
        """Prints a command as a person would type it; of each kind only the first."""
        if kind in self.quiet:
            return
        print("$ " + self.short(" ".join(shlex.quote(str(part)) for part in command)) + after, flush=True)
        if kind:
            self.quiet.add(kind)

    def start(self, name, program, *arguments, kind=None):
        command = [self.programs / program, *arguments]
        self.show(command, kind, after=" &")
        return self.processes.start(name, command)

    def ports(self, process, file):
        """Waits for the file into which a daemon writes the ports that it got for its ports 0."""
        wait_until(f"the start of {process.name}", file.exists, START_LIMIT_S, self.processes)
        text = file.read_text()
        if text.startswith("{"):
            return {name: f"127.0.0.1:{port}" for name, port in json.loads(text).items()}
        return {name: f"127.0.0.1:{port}" for name, port in (line.split("=") for line in text.split())}

    # --- the server and its command line ---

    def start_server(self):
        data = self.folder / "server"
        config = self.write(self.folder / "server.toml", {"data": data},
                            [("admin", {"listen": "127.0.0.1:0"}), ("gateway", {"listen": "127.0.0.1:0"})])
        data.mkdir()
        ports_file = self.folder / "server.ports"
        process = self.start("server", "dray-server", "--config", config, "--ports-file", ports_file)
        ports = self.ports(process, ports_file)
        self.admin, self.server_address = ports["admin"], ports["gateway"]
        self.token_file = data / "admin-token"
        print(f"$ export DRAY_SERVER=http://{self.admin} DRAY_TOKEN_FILE={self.short(self.token_file)}")

    def ctl(self, *arguments, kind=None):
        """Runs drayctl as a person would, after showing the command. Answers with what the server said."""
        self.show(["drayctl", *arguments], kind)
        environment = {**os.environ, "DRAY_SERVER": f"http://{self.admin}", "DRAY_TOKEN_FILE": str(self.token_file)}
        command = [str(part) for part in (self.programs / "drayctl", "--json", *arguments)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.short(shlex.join(command))} took longer than 120 s") from None
        if done.returncode != 0:
            raise Failed(f"{self.short(shlex.join(command))} ended with status {done.returncode}:\n{done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def add_type(self, type_):
        components = [part for component in type_.components for part in ("--component", component)]
        self.ctl("type", "create", type_.name, "--client", "dray", *components)

    def push_artifact(self, entry, component, types):
        fits = [part for type_ in types for part in ("--type", type_)]
        self.ctl("artifact", "push", os.path.relpath(entry["file"]), "--name", entry["name"], "--component", component,
                 "--version", entry["version"], *fits)

    def add_release(self, name, version, hashes):
        self.ctl("release", "create", name, version, *hashes)
        return f"{name}/{version}"

    def roll_out(self, name, keys):
        file = self.write(self.folder / f"{name}.toml", keys)
        print(f"\n# {file.name}\n" + "".join("#   " + line + "\n" for line in file.read_text().splitlines()), end="")
        return self.ctl("rollout", "create", file)

    def get(self, address, path, token=None):
        request = urllib.request.Request(f"http://{address}{path}", headers={"Authorization": f"Bearer {token}"} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.URLError as error:
            raise Failed(f"http://{address}{path}: {error}") from None

    def devices(self):
        """All devices by name, as the server knows them from their own reports."""
        token = self.token_file.read_text().strip()
        return {item["name"]: item for item in self.get(self.admin, "/api/v1/devices?limit=1000", token)["items"]}

    # --- sites ---

    def start_gateway(self, site, connect):
        """connect: makes the site's line to the server and gives its near end."""
        folder = self.folder / site.name
        folder.mkdir()
        self.ctl("site", "create", site.name, "--time-zone", site.time_zone, "--token-to", folder / "token")
        config = self.write(folder / "gateway.toml", {"data": folder / "data", "listen": "127.0.0.1:0", "local_listen": "127.0.0.1:0"}, [
            ("server", {"url": f"http://{connect(self.server_address)}", "token_file": folder / "token", "retry_cap_s": 2}),
            ("devices", {"poll_s": 2}),
            ("updates", {"retry_base_s": 1, "retry_cap_s": 4})])
        (folder / "data").mkdir()
        ports_file = folder / "ports"
        process = self.start(f"gateway-{site.name}", "dray-gateway", "--config", config, "--ports-file", ports_file)
        ports = self.ports(process, ports_file)
        self.doors[site.name], self.local[site.name] = ports["devices"], ports["local"]

    def counters(self, site):
        """Bytes at a gateway's sockets: artifact bodies from the server, everything else with it, bodies to devices."""
        return self.get(self.local[site], "/api/v1/status")["link"]

    def jobs(self, site):
        """What a gateway itself says about its jobs, by device; also while its line to the server is down."""
        return {job["device"]: job for job in self.get(self.local[site], "/api/v1/jobs")["jobs"]}

    # --- devices ---

    def start_device(self, device, gateway, old):
        folder = self.folder / device.site / device.name
        folder.mkdir()
        self.install_factory(folder / "data/device", old)
        self.ctl("device", "create", device.name, "--site", device.site, "--type", device.type.name, "--token-to", folder / "token", kind="device")
        config = self.write(folder / "agent.toml", {"id": device.name, "type": device.type.name, "data": folder / "data"}, [
            ("server", {"url": f"http://{gateway}", "token_file": folder / "token"}),
            ("poll", {"working_s": 1, "start_jitter_s": 1, "retry_most_s": 2}),
            ("installer", {"kind": "ab-dir"})])
        self.start(device.name, "dray-agent", "boot", "--config", config, kind="agent")

    def install_factory(self, root, old):
        """What a device has in its active slot when it leaves the factory (installer ab-dir)."""
        components = {}
        for component, entry in old.items():
            image = root / "slots/0" / component / "image"
            image.parent.mkdir(parents=True)
            shutil.copyfile(entry["file"], image)
            components[component] = {"version": entry["version"], "sha256": entry["sha256"], "size": entry["size"], "good": True}
        (root / "slots/0/metadata.json").write_text(json.dumps({"components": components}) + "\n")
        (root / "current").symlink_to("slots/0")
