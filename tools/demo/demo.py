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
# The line to the push site stays cut no longer than this.
DARK_LIMIT_S = 60


def seconds_until(text):
    then = datetime.datetime.strptime(text.split(".")[0].rstrip("Z"), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return (then - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


def newer(server, gateway):
    """What is known of a job: its gateway knows first, and its server hears of it later; but what has ended stays so."""
    if server.get("state") in FINAL and gateway["state"] not in FINAL:
        return server
    return {**server, **gateway}


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
        self.wan, self.broken = {}, {}  # relays: site -> its line to the server; device -> its line that breaks
        self.rollouts, self.attempts = {}, {}
        self.dark = {}  # site -> when its line to the server was cut
        self.healed = set()
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
        print(f"Everything of this run is in {os.path.relpath(self.folder)}; paths below are relative to it.")
        print("\n== A server. At its first start it leaves the admin token in a file that only its owner can read.")
        dray.start_server()
        print("\n== Device types, real firmware in its newest version, and a release of all of it.")
        fits = {}
        for type_ in fleet.TYPES:
            dray.add_type(type_)
            for component, firmware in type_.artifacts.items():
                fits.setdefault((component, firmware), []).append(type_.name)
        hashes = []
        for (component, firmware), types in sorted(fits.items()):
            if (firmware, "newest") in self.firmware:
                dray.push_artifact(self.newest(firmware), component, types)
                hashes.append(self.newest(firmware)["sha256"])
        self.release = dray.add_release("debian", "newest", hashes)

        print("\n== Two sites, each behind a slow line, and 21 devices that run the oldest version.")
        for site in fleet.SITES:
            dray.start_gateway(site, lambda server, site=site: self.slow_line(site, server))
        for device in self.devices:
            self.start_device(device)
        print(f"# and {len(self.devices) - 1} devices more in the same way; each has now to report what it runs")
        wait_until("the power-on report of every device", self.all_have_reported, 60, self.processes)

    def slow_line(self, site, server):
        self.wan[site.name] = self.relay(f"wan-{site.name}", server, rate=site.wan_rate)
        return self.wan[site.name].listen

    def start_device(self, device):
        gateway = self.dray.doors[device.site]
        if device.broken_lan:
            self.broken[device.name] = self.relay(f"lan-{device.name}", gateway, cut_after=BREAKS_AFTER, cuts=BREAKS)
            gateway = self.broken[device.name].listen
        self.dray.start_device(device, gateway, self.factory(device))

    def factory(self, device):
        # Nothing in the archive is for the board that nothing fits; it has to run something all the same.
        artifacts = device.type.artifacts or {component: "uefi" for component in device.type.components}
        return {component: self.firmware[(firmware, "oldest")] for component, firmware in artifacts.items()}

    def all_have_reported(self):
        shown = self.dray.devices()
        return all(shown.get(device.name, {}).get("running") for device in self.devices)

    def roll_out(self):
        print("\n== The rollouts. Lyon fetches when its update time comes (pull); the server sends to Berlin (push).")
        for site in fleet.SITES:
            times = {"pull": {"update_at": "+8s"}, "push": {"transmit_at": "+8s", "update_at": "+30s"}}[site.delivery]
            self.rollouts[site.name] = self.dray.roll_out(f"{site.name}-rollout", {"release": self.release, "filter": f"site={site.name}", "delivery": site.delivery,
                                                                                **times, "expires_at": "+1h"})

    # --- what is seen ---

    def is_where_it_should_be(self, device, shown):
        """By the device's own report: the digest of what its installer finds in the active slot."""
        running = {component: entry.get("sha256") for component, entry in (shown.get("running") or {}).items()}
        if not device.type.artifacts:
            left_alone = {component: entry["sha256"] for component, entry in self.factory(device).items()}
            return self.state(shown) == "incompatible" and running == left_alone
        wanted = {component: self.newest(firmware)["sha256"] for component, firmware in device.type.artifacts.items()}
        return self.state(shown) == "succeeded" and running == wanted

    @staticmethod
    def state(shown):
        return (shown.get("job") or {}).get("state") or "idle"

    def row(self, device, shown):
        job = shown.get("job") or {}
        state = self.state(shown)
        total = sum(self.newest(firmware)["size"] for firmware in device.type.artifacts.values())
        self.attempts[device.name] = max(self.attempts.get(device.name, 0), job.get("attempt") or 0)
        running = " ".join(f"{component} {entry.get('version', '')[:26]}" for component, entry in sorted((shown.get("running") or {}).items()))
        if state == "succeeded" and not self.is_where_it_should_be(device, shown):
            running = "(its gateway knows, the server not yet)"
        why = job.get("reason") or ""
        why = "" if why == state else why
        if device.name in self.broken:
            breaks = self.broken[device.name].order("stats")["cuts"]
            why = f"{why} (line broke {breaks} x)".lstrip() if breaks else why
        return view.Row(device.name, device.type.name, running, state, why,
                        total if state == "succeeded" else min(job.get("bytes") or 0, total), total, self.attempts[device.name])

    def site(self, site, shown):
        counters = self.dray.counters(site.name)
        needed = sum(self.newest(firmware)["size"] for firmware in fleet.artifacts_of(self.of(site)))
        now = time.monotonic()
        before, self.seen[site.name] = self.seen.get(site.name), (now, counters["wan_bytes"])
        rate = (counters["wan_bytes"] - before[1]) / max(0.05, now - before[0]) if before else 0.0
        note = self.line_of(site, counters["wan_bytes"] >= needed, shown)
        return view.Site(site.name, site.delivery, [self.row(device, shown.get(device.name, {})) for device in self.of(site)],
                         counters["wan_bytes"], needed, rate, site.wan_rate, note)

    def line_of(self, site, complete, shown):
        """Berlin's line is cut as soon as all bytes are there: its gateway goes on alone, and tells us itself from then on."""
        if site.name in self.dark or site.name in self.healed:
            jobs = self.dray.jobs(site.name)
            for device in self.of(site):
                if device.name in jobs:
                    known = shown.get(device.name, {})
                    shown[device.name] = {**known, "job": newer(known.get("job") or {}, jobs[device.name])}
        if site.name in self.dark:
            if all(job["state"] in FINAL for job in jobs.values()) or time.monotonic() - self.dark[site.name] > DARK_LIMIT_S:
                self.wan[site.name].order("heal")
                del self.dark[site.name]
                self.healed.add(site.name)
        elif site.delivery == "push" and complete and site.name not in self.healed:
            self.wan[site.name].order("drop")
            self.dark[site.name] = time.monotonic()
        if site.name in self.dark:
            return "line cut: its gateway goes on alone"
        return "line up again" if site.name in self.healed else self.countdown(site)

    def countdown(self, site):
        rollout = self.rollouts[site.name]
        for key, words in (("transmit_at", "server sends"), ("update_at", "updates")):
            left = seconds_until(rollout[key]) if rollout.get(key) else 0
            if left > 0:
                return f"{words} in {left:.0f} s"
        return ""

    def look(self):
        shown = self.dray.devices()
        self.sites = [self.site(site, shown) for site in fleet.SITES]
        right = sum(self.is_where_it_should_be(device, shown.get(device.name, {})) for device in self.devices)
        self.headline = f"{right} of {len(self.devices)} devices are where they should be"
        ended = not self.dark and all(self.state(shown.get(device.name, {})) in FINAL for device in self.devices)
        return right == len(self.devices) or (ended and self.settled())

    def settled(self):
        """True a few seconds after everything has ended: a report may still be on its way."""
        self.ended_at = self.ended_at or time.monotonic()
        return time.monotonic() - self.ended_at > 5

    def watch(self):
        self.seen, self.ended_at, self.headline = {}, None, ""
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
            counters = self.dray.counters(site.name)
            out["sites"].append({
                "name": site.name, "delivery": site.delivery, "wan_bytes": counters["wan_bytes"],
                "wan_control_bytes": counters["wan_control_bytes"],
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
        for name, line in self.broken.items():
            counts = line.order("stats")
            print(f"  {name}: its line broke {counts['cuts']} times; {view.megabytes(counts['down'])} MB reached it in all")
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
