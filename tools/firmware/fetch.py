#!/usr/bin/env python3
"""Takes real firmware out of Debian packages: the oldest and the newest version that the archive still has.

Nothing is installed and no root is needed: `apt-get download` fetches a package, the one file that counts is
unpacked from it, and the package is deleted. Writes build/firmware/manifest.json. See README.md beside this.
"""

import argparse
import functools
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# component, names of the packages that hold it, the file inside (a glob), and a second build of the same
# component for the day on which the archive has only one version left.
SOURCES = [
    ("kernel", r"^linux-image-6[.]1[.]0-[0-9]+-cloud-amd64$", "./boot/vmlinuz-*", None),
    ("uefi", r"^ovmf$", "./usr/share/OVMF/OVMF_CODE_4M.fd", "./usr/share/OVMF/OVMF_CODE.fd"),
    ("uefi-arm", r"^qemu-efi-aarch64$", "./usr/share/qemu-efi-aarch64/QEMU_EFI.fd", None),
]


class Failed(Exception):
    pass


def run(*command, cwd=None):
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    except FileNotFoundError:
        raise Failed(f"{command[0]} is not here: this needs Debian") from None
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
    return done.stdout


def older(a, b):
    """-1, 0, 1 as Debian compares versions."""
    for sign, word in ((-1, "lt"), (1, "gt")):
        if subprocess.run(["dpkg", "--compare-versions", a[1], word, b[1]]).returncode == 0:
            return sign
    return 0


def versions():
    """For each source all (package, version) in apt's lists, oldest first."""
    prefixes = sorted({re.match(r"\^([a-z0-9-]+)", pattern)[1] for _, pattern, _, _ in SOURCES})
    names = [name for prefix in prefixes for name in run("apt-cache", "pkgnames", prefix).split()]
    wanted = [name for name in names if any(re.match(pattern, name) for _, pattern, _, _ in SOURCES)]
    known = set()
    for line in run("apt-cache", "madison", *wanted).splitlines() if wanted else []:
        columns = [column.strip() for column in line.split("|")]
        if len(columns) == 3 and columns[2].endswith("Packages"):
            known.add((columns[0], columns[1]))
    out = []
    for component, pattern, _, _ in SOURCES:
        found = [entry for entry in known if re.match(pattern, entry[0])]
        if not found:
            raise Failed(f"apt's lists hold no package for {component} ({pattern}): run ./setup --refresh")
        out.append(sorted(found, key=functools.cmp_to_key(older)))
    return out


def unpack(deb, member, target):
    """Writes the one file of the package that matches the glob."""
    listing = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
    part = target.with_suffix(".part")
    with part.open("wb") as out:
        done = subprocess.run(["tar", "-xO", "--wildcards", member], stdin=listing.stdout, stdout=out, stderr=subprocess.PIPE)
    listing.stdout.close()
    listing.wait()
    if done.returncode != 0 or part.stat().st_size == 0:
        part.unlink()
        raise Failed(f"{deb.name} holds no {member}")
    part.rename(target)


def download(package, version, folder):
    options = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    try:
        run("apt-get", *options, "-q", "-o", "Acquire::Retries=3", "download", f"{package}={version}", cwd=folder)
    except Failed as error:
        reason = str(error)
        hint = "the Debian archive can't be reached from here"
        if "404" in reason:
            hint = "the archive has moved on since apt's lists were read: run ./setup --refresh"
        raise Failed(f"{package} {version}: {hint}\n{reason}") from None
    debs = list(folder.glob(f"{package}_*.deb"))
    if len(debs) != 1:
        raise Failed(f"apt-get download {package} left {len(debs)} files in {folder}")
    return debs[0]


def kernel_version(data):
    """What a bzImage says about itself (Documentation/arch/x86/boot.rst, field kernel_version); None for others."""
    if data[0x202:0x206] != b"HdrS":
        return None
    start = struct.unpack_from("<H", data, 0x20E)[0] + 0x200
    return data[start:data.index(b"\0", start)].decode("ascii", "replace")


def fetch(component, age, package, version, member, folder):
    safe = re.sub(r"[^A-Za-z0-9.+-]", "_", f"{package}_{version}")
    target = folder / "files" / f"{safe}-{pathlib.PurePath(member).name.replace('-*', '')}"
    if not target.exists():
        print(f"firmware: fetching {package} {version}", flush=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        deb = download(package, version, folder)
        try:
            unpack(deb, member, target)
        finally:
            deb.unlink()
    data = target.read_bytes()
    text = kernel_version(data)
    return {
        "name": f"{component}-{age}",
        "component": component,
        "age": age,
        # The first word of what a kernel says about itself; the package's version for what says nothing.
        "version": text.split(" ")[0] if text else version,
        "version_text": text,
        "file": str(target),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "package": package,
        "package_version": version,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=pathlib.Path, default=ROOT / "build" / "firmware", help="default: build/firmware")
    into = parser.parse_args().into.resolve()
    into.mkdir(parents=True, exist_ok=True)
    manifest = []
    for (component, _, member, second), known in zip(SOURCES, versions()):
        oldest, newest = known[0], known[-1]
        old_member = member
        if oldest == newest:
            if second is None:
                print(f"firmware: the archive has one version of {component} only ({newest[1]}): left out")
                continue
            print(f"firmware: the archive has one version of {component} only ({newest[1]}): taking another build as the old one")
            old_member = second
        old = fetch(component, "oldest", *oldest, old_member, into)
        new = fetch(component, "newest", *newest, member, into)
        if old["sha256"] == new["sha256"]:
            raise Failed(f"{component}: {oldest[1]} and {newest[1]} hold the same bytes")
        manifest += [old, new]
    part = into / "manifest.json.part"
    part.write_text(json.dumps(manifest, indent=1) + "\n")
    part.rename(into / "manifest.json")
    for entry in manifest:
        print(f"firmware: {entry['name']:16} {entry['version']:24} {entry['size']:>9} bytes  {entry['package']} {entry['package_version']}")


if __name__ == "__main__":
    try:
        main()
    except Failed as error:
        sys.exit(f"firmware: {error}")
