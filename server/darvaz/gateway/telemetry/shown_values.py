"""The newest values that the metrics show: of boards that are here and are not hidden from them."""

from __future__ import annotations

from collections.abc import Iterator

from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.devices.registry import Devices
from darvaz.gateway.devices.visibility import is_shown
from darvaz.gateway.telemetry.latest import Telemetry
from darvaz.gateway.telemetry_metrics import ValueGauge


def shown_values(hub: Hub, devices: Devices, telemetry: Telemetry) -> Iterator[tuple[str, list[ValueGauge]]]:
    """Yields the numbers and truth values of each board, with their units."""
    for device in devices.after(""):
        known, seen = devices.get(device), hub.last_seen(device)
        if known is None or seen is None or not seen[1] or not is_shown(devices, device, "metrics"):
            continue
        declared = known.introduction.get("telemetry", {})
        yield (
            device,
            [
                ValueGauge(name, declared.get(name, {}).get("unit", ""), reading.value)
                for name, reading in telemetry.latest(device).items()
                if not isinstance(reading.value, str)
            ],
        )
