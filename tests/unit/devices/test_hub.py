"""The hub: one link per device, commands out, acknowledgements back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from darvaz.gateway.devices.description import Protection
from darvaz.gateway.devices.errors import (
    BusyError,
    InvalidCommandError,
    OfflineError,
    RefusedByBoardError,
    TimedOutError,
    UnknownDeviceError,
)
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.devices.presence import PENDING_PER_DEVICE_MAX, SENT_MAX, Presence
from darvaz.gateway.devices.registry import Devices
from darvaz.gateway.storage.database import open_database
from darvaz.protocol.codec import Message, MessageCodec

PROTOCOL = MessageCodec()


class RecordingLink:
    """A link that keeps what it is asked to do."""

    kind_name = "pico"
    address = "192.0.2.7"
    protection: Protection = "open"

    def __init__(self, device: str, *, is_open: bool = True) -> None:
        self.device: str | None = device
        self.sent: list[Any] = []
        self.closed: list[str] = []
        self._is_open = is_open

    def send_command(self, message: Message) -> bool:
        self.sent.append(message)
        return self._is_open

    def close(self, name: str, sentence: str) -> None:
        self.closed.append(name)


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[Devices]:
    connection = open_database(tmp_path)
    made = Devices(connection)
    yield made
    made.close()


@pytest.fixture
def hub(devices: Devices) -> Hub:
    return Hub(PROTOCOL, devices, lambda: 1000.0)


def join(hub: Hub, link: RecordingLink, **fields: Any) -> None:
    assert link.device
    hub.join(link.device, link, PROTOCOL.make("connect", device=link.device, **fields))


def ack(link: RecordingLink, **fields: Any) -> Message:
    return PROTOCOL.make("ack", id=link.sent[-1].id, **fields)


async def ask(hub: Hub, device: str = "d", name: str = "pan", deadline_s: float = 5, **args: Any) -> asyncio.Task[Any]:
    asking = asyncio.create_task(hub.command(device, name, args, deadline_s))
    await asyncio.sleep(0)
    return asking


async def test_a_command_returns_the_result_of_its_ack(hub: Hub) -> None:
    link = RecordingLink("d")
    join(hub, link)

    asking = await ask(hub, angle=90)
    hub.acknowledge(link, ack(link, status="ok", result=[1, 2]))

    assert await asking == [1, 2]
    assert link.sent[0].args == {"angle": 90}


async def test_an_ack_with_status_error_raises_its_message(hub: Hub) -> None:
    link = RecordingLink("d")
    join(hub, link)

    asking = await ask(hub)
    hub.acknowledge(link, ack(link, status="error", message="stuck"))

    with pytest.raises(RefusedByBoardError, match="stuck"):
        await asking


async def test_a_refusal_without_a_message_still_has_a_text(hub: Hub) -> None:
    link = RecordingLink("d")
    join(hub, link)

    asking = await ask(hub)
    hub.acknowledge(link, ack(link, status="error"))

    with pytest.raises(RefusedByBoardError, match="d could not do it"):
        await asking


async def test_a_command_without_an_ack_times_out_and_a_late_ack_is_ignored(hub: Hub) -> None:
    link = RecordingLink("d")
    join(hub, link)

    with pytest.raises(TimedOutError, match="d did not answer pan"):
        await hub.command("d", "pan", {}, 0.01)

    hub.acknowledge(link, ack(link, status="ok"))


async def test_an_ack_from_another_link_or_without_an_id_is_ignored(hub: Hub) -> None:
    link, other = RecordingLink("d"), RecordingLink("e")
    join(hub, link)
    join(hub, other)

    asking = await ask(hub)
    hub.acknowledge(other, ack(link, status="ok"))
    hub.acknowledge(link, PROTOCOL.make("ack", message="Command received"))
    await asyncio.sleep(0)

    assert not asking.done()
    asking.cancel()


async def test_unknown_and_offline_devices_raise_different_errors(hub: Hub) -> None:
    link = RecordingLink("d")
    join(hub, link)
    hub.leave(link)

    with pytest.raises(OfflineError):
        await hub.command("d", "pan", {}, 1)
    with pytest.raises(UnknownDeviceError):
        await hub.command("nobody", "pan", {}, 1)


async def test_a_link_that_can_no_longer_send_is_offline(hub: Hub) -> None:
    join(hub, RecordingLink("d", is_open=False))

    with pytest.raises(OfflineError):
        await hub.command("d", "pan", {}, 1)


async def test_a_device_that_leaves_fails_its_commands_at_once(hub: Hub) -> None:
    link = RecordingLink("d")
    join(hub, link)
    asking = await ask(hub)

    hub.leave(link)

    with pytest.raises(OfflineError, match="disconnected before"):
        await asking


async def test_the_newest_link_replaces_the_older_one_whose_end_changes_nothing(hub: Hub) -> None:
    older, newer = RecordingLink("d"), RecordingLink("d")
    join(hub, older)
    asking = await ask(hub)
    join(hub, newer)
    hub.leave(older)

    assert older.closed == ["replaced"]
    assert hub.online == 1
    with pytest.raises(OfflineError, match="connected again"):
        await asking


async def test_a_link_that_introduces_itself_again_keeps_its_commands(hub: Hub) -> None:
    link = RecordingLink("d")
    join(hub, link)
    asking = await ask(hub)

    join(hub, link)
    hub.acknowledge(link, ack(link, status="ok", result=1))

    assert link.closed == []
    assert await asking == 1


async def test_one_command_beyond_the_maximum_that_wait_is_refused(hub: Hub) -> None:
    link = RecordingLink("d")
    join(hub, link)
    waiting = [await ask(hub) for _ in range(PENDING_PER_DEVICE_MAX)]

    with pytest.raises(BusyError):
        await hub.command("d", "pan", {}, 1)

    hub.leave(link)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(result) for result in results} == {OfflineError}


async def test_only_declared_and_built_in_commands_are_sent(hub: Hub) -> None:
    link = RecordingLink("d")
    join(hub, link, commands={"pan": {}})

    with pytest.raises(InvalidCommandError, match="pan"):
        await hub.command("d", "tilt", {}, 1)
    for name in ("pan", "info"):
        (await ask(hub, name=name)).cancel()

    assert [message.name for message in link.sent] == ["pan", "info"]


async def test_arguments_beyond_the_schema_are_refused(hub: Hub) -> None:
    join(hub, RecordingLink("d"))

    with pytest.raises(InvalidCommandError, match="args"):
        await hub.command("d", "pan", {"angle": [1]}, 1)


async def test_a_device_is_known_after_a_restart(hub: Hub, devices: Devices, tmp_path: Path) -> None:
    link = RecordingLink("d")
    join(hub, link, version="1.0.0")
    hub.leave(link)
    devices.close()

    restarted = Devices(open_database(tmp_path))
    known = Hub(PROTOCOL, restarted, lambda: 2000.0).describe("d")
    restarted.close()

    assert known is not None
    assert (known.id, known.online, known.version, known.last_seen_unix_s) == ("d", False, "1.0.0", 1000.0)


def test_a_write_that_fails_is_told_and_the_memory_stays_right(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    connection = open_database(tmp_path)
    devices = Devices(connection)
    hub = Hub(PROTOCOL, devices, lambda: 1.0)
    connection.execute("DROP TABLE devices")

    join(hub, RecordingLink("d"))
    assert not devices.close()

    assert hub.describe("d") is not None
    assert caplog.text.count("the list of devices cannot be written") >= 1
    assert isinstance(sqlite3.sqlite_version, str)


MODE = {"type": "string", "choices": ["calm"]}
PAN = {"pan": {"angle": {"type": "number"}, "mode": MODE, "text": {"type": "string"}}}


async def carry_out(hub: Hub, link: RecordingLink, status: str = "ok", **args: Any) -> None:
    asking = await ask(hub, **args)
    hub.acknowledge(link, ack(link, status=status))
    await asyncio.gather(asking, return_exceptions=True)


def last_args(hub: Hub) -> Any:
    described = hub.describe("d")
    assert described is not None
    return described.last_args


async def test_the_last_arguments_of_a_command_are_kept(hub: Hub) -> None:
    link = RecordingLink("d")
    join(hub, link, commands=PAN, boot_id="a")

    await carry_out(hub, link, angle=90, mode="calm")
    await carry_out(hub, link, angle=20)
    await carry_out(hub, link, "error", angle=999)

    assert last_args(hub) == {"pan": {"angle": 20, "mode": "calm"}}


async def test_free_text_and_undeclared_arguments_are_not_kept(hub: Hub) -> None:
    link = RecordingLink("d")
    join(hub, link, commands=PAN, boot_id="a")

    await carry_out(hub, link, text="secret", mode="wild", other=1)

    assert last_args(hub) == {}


@pytest.mark.parametrize(("boot_id", "kept"), [("a", {"pan": {"angle": 90}}), ("b", {}), (None, {})])
async def test_a_board_that_restarted_has_no_last_arguments(hub: Hub, boot_id: Any, kept: Any) -> None:
    link = RecordingLink("d")
    join(hub, link, commands=PAN, boot_id="a")
    await carry_out(hub, link, angle=90)
    hub.leave(link)

    join(hub, RecordingLink("d"), commands=PAN, **({"boot_id": boot_id} if boot_id else {}))

    assert last_args(hub) == kept


async def test_a_late_acknowledgement_tells_where_the_board_is(hub: Hub) -> None:
    link = RecordingLink("d")
    join(hub, link, commands=PAN, boot_id="a")
    with pytest.raises(TimedOutError):
        await hub.command("d", "pan", {"angle": 77}, 0.0)
    assert last_args(hub) == {}

    hub.acknowledge(link, ack(link))
    assert last_args(hub) == {"pan": {"angle": 77}}

    hub.acknowledge(link, ack(link))
    assert last_args(hub) == {"pan": {"angle": 77}}, "a repetition changes nothing"


def test_one_sent_command_beyond_the_maximum_replaces_the_oldest() -> None:
    presence = Presence(RecordingLink("d"), {"commands": PAN}, 0.0)
    for identity in range(SENT_MAX + 1):
        presence.remember_sent(identity, "pan", {"angle": identity})

    assert list(presence.sent) == list(range(1, SENT_MAX + 1))


async def test_the_last_arguments_survive_a_restart_of_the_gateway(tmp_path: Path) -> None:
    devices = Devices(open_database(tmp_path))
    hub, link = Hub(PROTOCOL, devices, lambda: 0.0), RecordingLink("d")
    join(hub, link, commands=PAN, boot_id="a")
    await carry_out(hub, link, angle=90)
    devices.close()

    devices = Devices(open_database(tmp_path))
    hub = Hub(PROTOCOL, devices, lambda: 0.0)
    assert last_args(hub) == {"pan": {"angle": 90}}, "of the start that its introduction names"
    join(hub, RecordingLink("d"), commands=PAN, boot_id="a")
    assert last_args(hub) == {"pan": {"angle": 90}}
    join(hub, RecordingLink("d"), commands=PAN, boot_id="b")
    assert last_args(hub) == {}
    devices.close()
