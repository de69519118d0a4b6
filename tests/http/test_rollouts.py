"""Rollouts over HTTP, with boards that are played message by message: steps, holds, pauses, keys and restarts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from darvaz.gateway.releases.rollout import UpdateLimits
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.event_stream import open_stream
from tests.support.played_updates import MAIN, add_release, deploy, key_of, keyed, until, upload
from tests.support.updates import fall_back, receive_release

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp() as running:
        yield running


async def test_a_board_gets_every_file_of_a_release_signed_with_its_key(gateway: RunningApp) -> None:
    key = await key_of(gateway, "one")
    async with board_at(gateway, "one", program=keyed()) as board:
        files = {"main.py": MAIN, "lib/colours.mpy": b"M\x06" + bytes(5000)}
        release = (await add_release(gateway, files, micropython="1.26")).json()["number"]
        answer = await gateway.ask("POST", "/api/rollouts", json={"release": release, "to": ["one"]})
        received = await receive_release(board, key, least="1.26")
        done = await until(gateway, answer.json()["number"], good=1)

    assert received == files
    assert done["state"] == "done"


@pytest.mark.parametrize(
    ("device", "about", "plan", "forms", "why"),
    [
        ("c-n", {"mpy": 6, "mpy_native": 19}, {}, "colours.mpy fast.mpy", ""),
        ("c-6", {"mpy": 6}, {}, "colours.mpy fast.py", "fast.py travels as source: fast.py cannot be compiled"),
        ("c-5", {"mpy": 5}, {}, "colours.py fast.py", "colours.py travels as source: the board loads .mpy files of"),
        ("c-0", {}, {}, "colours.py fast.py", "modules travel as source: the board does not say that it loads .mpy"),
        ("c-s", {"mpy": 6}, {"source": True}, "colours.py fast.py", ""),
    ],
)
async def test_modules_are_compiled_for_what_the_board_loads_or_travel_as_source_for_a_told_reason(
    gateway: RunningApp, device: str, about: dict[str, int], plan: dict[str, bool], forms: str, why: str
) -> None:
    key = await key_of(gateway, device)
    native = b"import micropython\n@micropython.native\ndef add(a, b):\n    return a + b\n"
    files = {"main.py": MAIN, "colours.py": b"WARM = 1\n", "fast.py": native}
    async with board_at(gateway, device, program=keyed(**about)) as board:
        release = (await upload(gateway, **files)).json()["number"]
        request = {"release": release, "to": [device], **plan}
        number = (await gateway.ask("POST", "/api/rollouts", json=request)).json()["number"]
        received = await receive_release(board, key)
        await until(gateway, number, good=1)

    entries = [line.payload or "" for line in await gateway.journal(type="update", device=device)]
    assert set(received) == {"main.py", *forms.split()}
    assert all(received[name].startswith(b"M\x06" if name.endswith("mpy") else files[name]) for name in forms.split())
    assert any("source" in text for text in entries) == bool(why) and any(why in text for text in entries)


async def test_the_rest_waits_for_the_canary_and_its_hold(gateway: RunningApp) -> None:
    devices = ["w-1", "w-2", "w-3"]
    keys = {device: await key_of(gateway, device) for device in devices}
    async with (
        board_at(gateway, "w-1", program=keyed()) as first,
        board_at(gateway, "w-2", program=keyed()) as second,
        board_at(gateway, "w-3", program=keyed()) as third,
    ):
        number = await deploy(gateway, *devices, canary=1, hold_s=0.3)
        await receive_release(first, keys["w-1"])
        good = await until(gateway, number, good=1, waiting=2)
        await asyncio.gather(receive_release(second, keys["w-2"]), receive_release(third, keys["w-3"]))
        done = await until(gateway, number, good=3)

    times = {target["device"]: target["changed"] for target in done["targets"]}
    assert good["state"] == "running"
    assert min(times["w-2"], times["w-3"]) - times["w-1"] >= 0.3


async def test_a_rollout_stops_at_the_first_board_that_falls_back_and_is_told(gateway: RunningApp) -> None:
    await key_of(gateway, "f-1")
    async with board_at(gateway, "f-2", program=keyed()):
        async with board_at(gateway, "f-1", program=keyed()) as board:
            number = await deploy(gateway, "f-1", "f-2", canary=1)
            counter = await fall_back(board)
        await until(gateway, number, trial=1, waiting=1)
        after = keyed(state="fell_back", counter=counter, failed=counter, reason="it raised")
        async with board_at(gateway, "f-1", program=after):
            stopped = await until(gateway, number, fell_back=1, waiting=1)

    assert stopped["state"] == "stopped" and stopped["reason"] == "f-1 fell back: it raised"
    entries = [line.payload for line in await gateway.journal(type="rollout")]
    assert any("stopped f-1 fell back" in (payload or "") for payload in entries)


async def test_a_rollout_that_stopped_goes_on_without_those_that_fell_back(gateway: RunningApp) -> None:
    keys = {device: await key_of(gateway, device) for device in ("g-1", "g-2", "g-3")}
    async with board_at(gateway, "g-2", program=keyed()) as second:
        async with board_at(gateway, "g-1", program=keyed()) as first, board_at(gateway, "g-3"):
            number = await deploy(gateway, "g-1", "g-2", "g-3", canary=1)
            counter = await fall_back(first)
        failed = keyed(state="fell_back", counter=counter, failed=counter, reason="it raised")
        async with board_at(gateway, "g-1", program=failed):
            await until(gateway, number, fell_back=1, waiting=2)
            change = {"state": "running"}
            resumed = await gateway.ask("PATCH", f"/api/rollouts/{number}", json=change)
            await receive_release(second, keys["g-2"])
            await until(gateway, number, fell_back=1, good=1, waiting=1)
            async with board_at(gateway, "g-3", program=keyed()) as third:
                counter = await fall_back(third)
            async with board_at(gateway, "g-3", program={**failed, "counter": counter, "failed": counter}):
                again = await until(gateway, number, fell_back=2, good=1)

    assert resumed.json()["state"] == "running" and resumed.json()["reason"] == ""
    # Nobody has forgiven the second one.
    assert again["state"] == "stopped" and again["reason"].startswith("g-3 fell back")


async def test_clients_are_told_of_each_state_of_a_rollout_and_its_boards(gateway: RunningApp) -> None:
    key = await key_of(gateway, "told")
    async with (
        gateway.client() as client,
        open_stream(client, "?types=rollout") as stream,
        board_at(gateway, "told", program=keyed()) as board,
    ):
        number = await deploy(gateway, "told")
        await receive_release(board, key)
        events = [await stream.next("rollout") for _ in range(5)]

    states = [(event["device"], event["state"]) for event in events if event["rollout"] == number]
    assert states == [
        (None, "running"),
        ("told", "transferring"),
        ("told", "trial"),
        ("told", "good"),
        (None, "done"),
    ]


async def test_the_settings_limit_how_many_boards_receive_at_once_and_how_many_may_fall_back() -> None:
    settings = {"updates_at_once": 1, "update_tries": 1, "update_stop_percent": 70.0}
    async with RunningApp(**settings) as gateway:
        keys = {device: await key_of(gateway, device) for device in ("l-1", "l-2")}
        async with (
            board_at(gateway, "l-1", program=keyed()) as first,
            board_at(gateway, "l-2", program=keyed()) as second,
        ):
            number = await deploy(gateway, "l-1", "l-2")
            message = await first.receive("update")
            found = await until(gateway, number, transferring=1, waiting=1)
            await first.send("update_state", id=message["id"], status="error", message="no")
            await receive_release(second, keys["l-2"])
            done = await until(gateway, number, refused=1, good=1)

    assert found["stop_percent"] == 70
    assert done["targets"][0]["tries"] == 1


async def test_a_share_of_boards_may_fall_back(gateway: RunningApp) -> None:
    async with board_at(gateway, "s-1", program=keyed()) as board, board_at(gateway, "s-2"):
        await key_of(gateway, "s-1")
        number = await deploy(gateway, "s-1", "s-2", stop_percent=60)
        counter = await fall_back(board)
    async with board_at(gateway, "s-1", program=keyed(state="fell_back", counter=counter, failed=counter)):
        found = await until(gateway, number, fell_back=1, refused=1)

    assert found["state"] == "done"


async def test_what_runs_once_has_ended_after_a_restart_and_failed_only_with_an_error(gateway: RunningApp) -> None:
    reasons = {"o-1": "it was not found good in 1 starts", "o-2": "ZeroDivisionError: <b>"}
    counters = {}
    for device in reasons:
        await key_of(gateway, device)
    async with board_at(gateway, "o-1", program=keyed()) as first, board_at(gateway, "o-2", program=keyed()) as second:
        number = await deploy(gateway, "o-1", "o-2", once=True)
        for device, board in (("o-1", first), ("o-2", second)):
            counters[device] = await fall_back(board)
        await until(gateway, number, trial=2)
    found = []
    for device, counts in (("o-1", {"ended": 1, "trial": 1}), ("o-2", {"ended": 1, "fell_back": 1})):
        after = keyed(state="fell_back", counter=counters[device], failed=counters[device], reason=reasons[device])
        async with board_at(gateway, device, program=after):
            found.append(await until(gateway, number, **counts))

    assert (found[0]["state"], found[0]["reason"], found[0]["targets"][0]["reason"]) == ("running", "", "")
    assert (found[1]["state"], found[1]["reason"]) == ("stopped", "o-2 fell back: ZeroDivisionError: <b>")


async def test_a_newer_rollout_takes_the_boards_of_an_older_one(gateway: RunningApp) -> None:
    async with board_at(gateway, "n-1"):
        pass
    older = await deploy(gateway, "n-1")
    newer = await deploy(gateway, "n-1")

    assert (await until(gateway, older, superseded=1))["state"] == "done"
    assert (await until(gateway, newer, waiting=1))["state"] == "running"


async def test_rollouts_are_listed_without_their_boards_or_with_one_of_them(gateway: RunningApp) -> None:
    for device in ("listed-1", "listed-2"):
        async with board_at(gateway, device, program=keyed()):
            pass
    number = await deploy(gateway, "listed-1", "listed-2")

    shown = {}
    for query in ("", "?with_targets=false", "?device=listed-2", "?device=unknown-9"):
        rollout = (await gateway.get(f"/api/rollouts{query}")).json()["rollouts"][0]
        assert (rollout["number"], rollout["counts"]) == (number, {"waiting": 2})
        shown[query] = [target["device"] for target in rollout["targets"]]

    assert list(shown.values()) == [["listed-1", "listed-2"], [], ["listed-2"], []]
    assert (await gateway.get("/api/rollouts?with_targets=perhaps")).status_code == 422


async def test_what_a_rollout_is_survives_a_restart(gateway: RunningApp) -> None:
    async with board_at(gateway, "r-1"):
        pass
    number = await deploy(gateway, "r-1", canary=1, hold_s=60, then_percent=[10])
    before = (await gateway.get(f"/api/rollouts/{number}")).json()
    key = await key_of(gateway, "r-1")
    await gateway.restart()

    assert (await gateway.get(f"/api/rollouts/{number}")).json() == before
    assert await key_of(gateway, "r-1") == key


async def test_a_board_that_refuses_three_times_is_left_alone(
    gateway: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.parts.updater, "limits", UpdateLimits(retry_s=0.0))
    await key_of(gateway, "t-1")
    async with board_at(gateway, "t-1", program=keyed()) as board:
        number = await deploy(gateway, "t-1")
        counters = []
        for _ in range(3):
            message = await board.receive("update")
            counters.append(json.loads(message["header"])["counter"])
            await board.send("update_state", id=message["id"], status="error", message="no", counter=counters[-1] + 50)
        refused = await until(gateway, number, refused=1)

    assert refused["targets"][0]["reason"] == "no" and refused["targets"][0]["tries"] == 3
    # Each try has a counter that the board takes, whatever it took before.
    assert counters[1] > counters[0] + 50 and counters[2] > counters[1] + 50


@pytest.mark.parametrize(
    "files",
    [{"other.py": b""}, {"main.py": b"", "../x": b""}, {"main.py": b"", "boot.py": b""}, {"main.py": bytes(1_500_001)}],
)
async def test_what_no_board_would_take_is_no_release(gateway: RunningApp, files: dict[str, bytes]) -> None:
    answer = await upload(gateway, **files)

    assert answer.status_code == 422 and answer.json()["detail"].startswith("files: ")


async def test_a_release_says_what_changed(gateway: RunningApp) -> None:
    await upload(gateway, **{"main.py": b"1", "old.py": b"1"})
    changed = (await upload(gateway, **{"main.py": b"2", "new.py": b"1"})).json()["changes"]

    assert changed == {"main.py": "changed", "new.py": "added", "old.py": "removed"}
