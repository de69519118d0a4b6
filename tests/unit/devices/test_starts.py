"""When the last start of a board began, as far as its introductions told."""

from __future__ import annotations

from pathlib import Path

from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.devices.registry import Devices
from darvaz.gateway.storage.database import open_database
from tests.unit.devices.test_hub import PROTOCOL, RecordingLink, join


def test_the_start_of_a_board_is_known_by_its_boot_id_over_a_restart_of_the_gateway(tmp_path: Path) -> None:
    devices = Devices(open_database(tmp_path))
    hub, link = Hub(PROTOCOL, devices, lambda: 1000.0), RecordingLink("d")
    join(hub, link, boot_id="a", uptime_ms=60_000)
    hub.leave(link)
    devices.close()

    devices = Devices(open_database(tmp_path))
    hub = Hub(PROTOCOL, devices, lambda: 1500.0)
    assert (hub.uptime_s("d", "a"), hub.uptime_s("d", "b"), hub.uptime_s("e", "a")) == (560.0, None, None)
    # It comes with what that start left: the gateway goes on knowing when that was.
    join(hub, RecordingLink("d"), boot_id="a")
    assert hub.uptime_s("d", "a") == 560.0
    hub.shift_times(100.0)
    assert hub.uptime_s("d", "a") == 460.0
    join(hub, RecordingLink("d"), boot_id="b")
    assert hub.uptime_s("d", "b") is None
    devices.close()
