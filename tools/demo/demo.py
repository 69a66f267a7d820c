#!/usr/bin/env python3
"""The demo: sets up a server, two sites and 21 devices as a newcomer would by hand, and watches one rollout.

./demo builds the programs and fetches the firmware, then runs this.
"""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import signal
import sys
import time

import fleet
import view
from dray import Dray
from processes import Failed, Processes, Relay, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN_LIMIT_S = 170
FINAL = {"succeeded", "failed", "rolled_back", "cancelled", "expired", "incompatible"}
# The device with the broken LAN loses its connection after so many bytes, so often.
BREAKS_AFTER, BREAKS = 5 * fleet.MB, 2


def stamp(time_):
    return time_.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Demo:
    def __init__(self, arguments):
        self.arguments = arguments
        self.started = time.monotonic()
        manifest = json.loads((ROOT / "build/firmware/manifest.json").read_text())
        self.firmware = {(entry["component"], entry["age"]): entry for entry in manifest}
        self.devices = fleet.devices({component for component, _ in self.firmware})
        self.folder = ROOT / "build/demo" / datetime.datetime.now().strftime("run-%Y%m%d-%H%M%S")
        self.folder.mkdir(parents=True)
        self.processes = Processes(self.folder / "logs")
        self.dray = Dray(self.folder, ROOT / "build/release/bin", self.processes)
        self.wan, self.gateways = {}, {}
        self.attempts = {}
        plain = arguments.headless or not sys.stdout.isatty()
        self.view_class = view.Lines if plain else view.Table
        self.sites = []

    def relay(self, name, to, **options):
        return Relay(self.processes, ROOT / "build/release/bin/dray-relay", name, to, **options)

    def newest(self, component):
        return self.firmware[(component, "newest")]

    def of(self, site):
        return [device for device in self.devices if device.site == site.name]

    # --- the tutorial: what a newcomer types ---

    def set_up(self):
        dray = self.dray
        print("\n== A server. Its admin token is in a file that only you can read.")
        dray.start_server()
        print("\n== Real firmware, the newest there is, and a release of all of it.")
        types_of = {}
        for type_ in fleet.TYPES:
            for component, firmware in type_.artifacts.items():
                types_of.setdefault((component, firmware), []).append(type_.name)
        for type_ in fleet.TYPES:
            dray.add_type(type_)
        hashes = []
        for (component, firmware), types in sorted(types_of.items()):
            if (firmware, "newest") in self.firmware:
                entry = self.newest(firmware)
                dray.push_artifact(entry, component, types)
                hashes.append(entry["sha256"])
        dray.add_release("debian", "newest", hashes)

        print("\n== Two sites, each reached over a slow line, and their devices.")
        for site in fleet.SITES:
            token = dray.add_site(site)
            self.wan[site.name] = self.relay(f"wan-{site.name}", dray.server_address, rate=site.wan_rate)
            dray.start_gateway(site, f"http://{self.wan[site.name].listen}", token)
        for device in self.devices:
            self.start_device(device)
        wait_until("the power-on report of every device", self.all_reported, 60, self.processes)

    def start_device(self, device):
        token = self.dray.add_device(device)
        gateway = self.dray.gateway_address(device.site)
        if device.broken_lan:
            gateway = self.relay(f"lan-{device.name}", gateway, cut_after=BREAKS_AFTER, cuts=BREAKS).listen
        old = {component: self.firmware[(firmware, "oldest")] for component, firmware in device.type.artifacts.items()}
        # Nothing in the archive fits this board; it has to run something all the same.
        old = old or {component: self.firmware[("uefi", "oldest")] for component in device.type.components}
        self.dray.start_agent(device, f"http://{gateway}", token, old)

    def all_reported(self):
        return all(self.running(shown) for shown in self.dray.devices().values()) and len(self.dray.devices()) == len(self.devices)

    def roll_out(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        expires = stamp(now + datetime.timedelta(hours=1))
        print("\n== The rollout: lyon fetches when its update time comes (pull), the server sends to berlin (push).")
        for site in fleet.SITES:
            seconds = {"pull": (None, 6), "push": (6, 24)}[site.delivery]
            times = [stamp(now + datetime.timedelta(seconds=s)) if s is not None else None for s in seconds]
            self.dray.roll_out(f"site={site.name}", site, transmit_at=times[0], update_at=times[1], expires_at=expires)

    # --- what is seen ---

    def running(self, shown):
        return {component: entry for component, entry in (shown.get("running") or {}).items()}

    def is_where_it_should_be(self, device, shown):
        """By the device's own report: the digest of what its installer finds in the active slot."""
        running = self.running(shown)
        if not device.type.artifacts:
            old = self.firmware[("uefi", "oldest")]["sha256"]
            return self.state(shown) == "incompatible" and all(entry.get("sha256") == old for entry in running.values())
        return self.state(shown) == "succeeded" and all(
            running.get(component, {}).get("sha256") == self.newest(firmware)["sha256"]
            for component, firmware in device.type.artifacts.items())

    @staticmethod
    def state(shown):
        return (shown.get("job") or {}).get("state") or "idle"

    def row(self, device, shown):
        job = shown.get("job") or {}
        state = self.state(shown)
        total = sum(self.newest(firmware)["size"] for firmware in device.type.artifacts.values())
        self.attempts[device.name] = max(self.attempts.get(device.name, 0), job.get("attempt") or 0)
        running = " ".join(f"{component} {entry.get('version', '')[:26]}" for component, entry in sorted(self.running(shown).items()))
        return view.Row(device.name, device.type.name, running, state, job.get("reason") or "",
                        total if state == "succeeded" else min(job.get("bytes") or 0, total), total, self.attempts[device.name])

    def look(self):
        shown = self.dray.devices()
        sites = []
        for site in fleet.SITES:
            counters = self.dray.gateway_counters(site.name)
            needed = sum(self.newest(firmware)["size"] for firmware in fleet.artifacts_of(self.of(site)))
            last, self.last_seen = self.last_seen.get(site.name), {**self.last_seen, site.name: (time.monotonic(), counters["wan_bytes"])}
            rate = (counters["wan_bytes"] - last[1]) / max(0.05, time.monotonic() - last[0]) if last else 0.0
            sites.append(view.Site(site.name, site.delivery, [self.row(device, shown.get(device.name, {})) for device in self.of(site)],
                                   counters["wan_bytes"], needed, rate, site.wan_rate))
        self.sites = sites
        right = sum(self.is_where_it_should_be(device, shown.get(device.name, {})) for device in self.devices)
        self.headline = f"{right} of {len(self.devices)} devices are where they should be"
        ended = all(self.state(shown.get(device.name, {})) in FINAL for device in self.devices)
        return right == len(self.devices) or (ended and self.settled())

    def settled(self):
        """True a few seconds after everything has ended: a report may still be on its way."""
        self.ended_at = self.ended_at or time.monotonic()
        return time.monotonic() - self.ended_at > 5

    def watch(self):
        self.last_seen, self.ended_at, self.headline = {}, None, ""
        picture = self.view_class()
        try:
            while not self.look():
                picture.draw(self.sites, self.headline)
                self.processes.check()
                if time.monotonic() - self.started > RUN_LIMIT_S:
                    raise Failed(f"not done after {RUN_LIMIT_S} s: {self.headline}")
                time.sleep(0.4)
        finally:
            picture.close(self.sites, self.headline)

    # --- what came out of it ---

    def summary(self):
        shown = self.dray.devices()
        out = {"devices": len(self.devices), "updated": 0, "incompatible": 0, "attempts": sum(self.attempts.values()), "sites": []}
        wrong = []
        for device in self.devices:
            if not self.is_where_it_should_be(device, shown.get(device.name, {})):
                wrong.append(device.name)
            elif device.type.artifacts:
                out["updated"] += 1
            else:
                out["incompatible"] += 1
        for site in fleet.SITES:
            counters, line = self.dray.gateway_counters(site.name), self.wan[site.name].order("stats")
            out["sites"].append({
                "name": site.name, "delivery": site.delivery, "wan_bytes": counters["wan_bytes"],
                "wan_control_bytes": line["up"] + line["down"] - counters["wan_bytes"],
                "artifact_bytes": sum(self.newest(firmware)["size"] for firmware in fleet.artifacts_of(self.of(site))),
                "lan_bytes": counters["lan_bytes"]})
        out["seconds"] = round(time.monotonic() - self.started, 1)
        return out, wrong

    def tell(self, out, wrong):
        print(f"\n{out['updated']} of {out['devices'] - 1} devices updated in {out['attempts']} attempts, "
              f"{out['incompatible']} that nothing fits left alone, {out['seconds']} s")
        for site in out["sites"]:
            once = site["wan_bytes"] / site["artifact_bytes"] if site["artifact_bytes"] else 0
            print(f"  {site['name']:8} ({site['delivery']}): {view.megabytes(site['wan_bytes'])} MB over the WAN for "
                  f"{view.megabytes(site['artifact_bytes'])} MB of firmware ({once:.3f} x, and {site['wan_control_bytes'] / 1e3:.0f} kB of "
                  f"control), {view.megabytes(site['lan_bytes'])} MB over the LAN")
        for name in wrong:
            print(f"  NOT where it should be: {name}")
        if self.arguments.summary:
            pathlib.Path(self.arguments.summary).write_text(json.dumps(out, indent=1) + "\n")
            print(f"  summary: {self.arguments.summary}")

    def run(self):
        self.set_up()
        self.roll_out()
        self.watch()
        out, wrong = self.summary()
        self.tell(out, wrong)
        return not wrong


def stop(_signal, _frame):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--headless", action="store_true")
    parser.add_argument("--summary")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, stop)
    demo = Demo(arguments)
    good = False
    try:
        good = demo.run()
    except Failed as error:
        print(f"\ndemo: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return 130
    finally:
        demo.processes.end()
        if good and not arguments.keep:
            shutil.rmtree(demo.folder)
        else:
            print(f"The files and logs of this run are in {os.path.relpath(demo.folder)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
