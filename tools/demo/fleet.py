"""Who takes part in the demo: two sites, four device types, 21 devices; and what each should run in the end."""

import dataclasses

MB = 1_000_000


@dataclasses.dataclass(frozen=True)
class DeviceType:
    name: str
    components: tuple  # updated together
    artifacts: dict  # component -> component of the firmware manifest; empty: nothing fits


@dataclasses.dataclass(frozen=True)
class Device:
    name: str
    site: str
    type: DeviceType
    broken_lan: bool = False  # its first transfers break


@dataclasses.dataclass(frozen=True)
class SitePlan:
    name: str
    time_zone: str
    delivery: str
    wan_rate: int  # bytes per second


EDGE_PC = DeviceType("edge-pc", ("kernel",), {"kernel": "kernel"})
EDGE_SERVER = DeviceType("edge-server", ("uefi", "kernel"), {"uefi": "uefi", "kernel": "kernel"})
ARM_BOARD = DeviceType("arm-board", ("uefi",), {"uefi": "uefi-arm"})
RISCV_BOARD = DeviceType("riscv-board", ("sbi",), {})
TYPES = (EDGE_PC, EDGE_SERVER, ARM_BOARD, RISCV_BOARD)

SITES = (
    SitePlan("lyon", "Europe/Paris", "pull", 2 * MB),
    SitePlan("berlin", "Europe/Berlin", "push", 1_500_000),
)


def devices(manifest_components):
    """Ten devices a site, and one that nothing fits. Types whose firmware the archive lacks become edge-pcs."""
    arm = ARM_BOARD if "uefi-arm" in manifest_components else EDGE_PC
    out = []
    for site in SITES:
        for number, type_ in enumerate([EDGE_PC] * 5 + [EDGE_SERVER] * 3 + [arm] * 2, 1):
            broken = site.name == "lyon" and number == 3
            out.append(Device(f"{site.name}-{number:02d}", site.name, type_, broken))
    out.append(Device("berlin-11", "berlin", RISCV_BOARD))
    return out


def artifacts_of(site_devices):
    """Firmware components that a site needs, each once."""
    return sorted({firmware for device in site_devices for firmware in device.type.artifacts.values()})
