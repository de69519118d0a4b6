"""The metrics with one line for each device, in the text formats of Prometheus, made device by device.

The library makes a line in 4 µs and only all of them at once; with thousands of devices the event loop would stand.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal, Protocol


class DeviceGauge(Protocol):
    """What is read of a device."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def online(self) -> bool: ...
    @property
    def last_seen(self) -> float: ...
    @property
    def rssi_dbm(self) -> int | None: ...
    @property
    def heap_free_bytes(self) -> int | None: ...
    @property
    def uptime_s(self) -> float | None: ...


_Read = Callable[[DeviceGauge], float | None]

_DEVICE_GAUGES: tuple[tuple[str, str, _Read], ...] = (
    ("darvaz_device_up", "Whether a device is here.", operator.attrgetter("online")),
    ("darvaz_device_last_seen_timestamp_seconds", "When it was last here.", operator.attrgetter("last_seen")),
    ("darvaz_device_rssi_dbm", "Signal of its Wi-Fi.", operator.attrgetter("rssi_dbm")),
    ("darvaz_device_heap_free_bytes", "Its free heap.", operator.attrgetter("heap_free_bytes")),
    ("darvaz_device_uptime_seconds", "How long it runs, as it last said.", operator.attrgetter("uptime_s")),
)


class Family:
    """One metric and its lines, one for each value of a label."""

    def __init__(
        self,
        name: str,
        documentation: str,
        type_: Literal["gauge", "counter"] = "gauge",
        *,
        label: str = "device",
        is_openmetrics: bool,
    ) -> None:
        sample = f"{name}_total" if type_ == "counter" else name
        # The older format knows counters by the names of their samples.
        head = name if is_openmetrics else sample
        self._lines = [f"# HELP {head} {documentation}\n# TYPE {head} {type_}\n"]
        self._start = f'{sample}{{{label}="'

    def add(self, value_of_label: str, value: float) -> None:
        """Adds a line."""
        self._lines.append(f'{self._start}{escape(value_of_label)}"}} {float(value)!r}\n')

    def text(self) -> bytes:
        return "".join(self._lines).encode()


class DeviceFamilies:
    """The gauges of all devices, and how many of each kind are online."""

    def __init__(self, kinds: tuple[str, ...], *, is_openmetrics: bool) -> None:
        self._is_openmetrics = is_openmetrics
        self._families = [
            (Family(name, documentation, is_openmetrics=is_openmetrics), read)
            for name, documentation, read in _DEVICE_GAUGES
        ]
        self._online = Counter(dict.fromkeys(kinds, 0))

    def add(self, device: DeviceGauge) -> None:
        """Adds the values of one device."""
        self._online[device.kind] += device.online
        for family, read in self._families:
            value = read(device)
            if value is not None:
                family.add(device.id, value)

    def texts(self) -> Iterator[bytes]:
        """Yields the text of each metric."""
        connected = Family(
            "darvaz_devices_connected", "Devices that are here.", label="type", is_openmetrics=self._is_openmetrics
        )
        for kind, count in self._online.items():
            connected.add(kind, count)
        yield connected.text()
        for family, _ in self._families:
            yield family.text()


def escape(text: str) -> str:
    """Returns a text as the value of a label may be."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
