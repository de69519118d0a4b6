"""Rollouts that are interrupted: links cut after every packet, restarts, two at once, boards that slept for a day."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from darvaz.gateway.releases.orders import Deploy
from darvaz.gateway.releases.rollout import RolloutPlan
from tests.support.app import RunningApp
from tests.support.board import Board, board_at
from tests.support.clock import Clock
from tests.support.played_updates import MAIN, deploy, key_of, keyed, until, upload
from tests.support.updates import fall_back, receive_release

pytestmark = pytest.mark.asyncio(loop_scope="module")
DAY_S = 86_400.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp() as running:
        yield running


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("darvaz.gateway.releases.updater.AGAIN_S", 0.0)


async def test_a_link_that_is_cut_after_every_packet_brings_each_part_once(gateway: RunningApp) -> None:
    await key_of(gateway, "cut")
    async with board_at(gateway, "cut", program=keyed()):
        pass
    rollout = await deploy(gateway, "cut")
    parts: list[bytes] = []
    counters, at = set(), 0
    while at < len(MAIN):
        async with board_at(gateway, "cut", program=keyed()) as board:
            offer = await board.receive("update")
            await board.send("update_state", id=offer["id"], status="ok", state="receiving", file=0, at=at)
            parts.append(base64.b64decode((await board.receive("update"))["data"]))
        counters.add(json.loads(offer["header"])["counter"])
        at += len(parts[-1])
    async with board_at(gateway, "cut", program=keyed()) as board:
        offer = await board.receive("update")
        await board.send("update_state", id=offer["id"], status="ok", state="complete")
        await board.receive("update")

    # The answer to the commit is lost as well: what the board runs says that it took the update.
    assert b"".join(parts) == MAIN and len(parts) > 2
    assert len(counters) == 1
    async with board_at(gateway, "cut", program=keyed(state="good", counter=counters.pop())):
        assert (await until(gateway, rollout, good=1))["state"] == "done"


async def test_a_board_whose_last_answer_was_lost_and_that_fell_back_is_not_given_it_again(gateway: RunningApp) -> None:
    await key_of(gateway, "lost")
    async with board_at(gateway, "lost", program=keyed()) as board:
        rollout = await deploy(gateway, "lost")
        offer = await board.receive("update")
        await board.send("update_state", id=offer["id"], status="ok", state="complete")
        await board.receive("update")
    counter = json.loads(offer["header"])["counter"]
    reason = 'Traceback:\n  File "/lib/darvaz_loader.mpy", line 137, in run\n  File "main.py", line 4\nOSError: x\n'
    failed = keyed(state="fell_back", counter=counter, failed=counter, reason=reason)
    async with board_at(gateway, "lost", program=failed):
        stopped = await until(gateway, rollout, fell_back=1)

    # The loader's own line is nothing to look at.
    assert stopped["reason"] == 'lost fell back: Traceback:\n  File "main.py", line 4\nOSError: x'


async def test_a_rollout_goes_on_after_a_restart_with_boards_on_trial_and_in_the_middle() -> None:
    devices = ["k-1", "k-2", "k-3"]
    async with RunningApp() as gateway:
        keys = {device: await key_of(gateway, device) for device in devices}
        async with (
            board_at(gateway, "k-1", program=keyed()) as first,
            board_at(gateway, "k-2", program=keyed()) as second,
        ):
            async with board_at(gateway, "k-3", program=keyed()):
                pass
            rollout = await deploy(gateway, *devices, canary=2)
            counter = await fall_back(first)
            await second.receive("update")
            await until(gateway, rollout, trial=1, transferring=1, waiting=1)
            await gateway.restart()
        async with (
            board_at(gateway, "k-1", program=keyed(state="good", counter=counter)),
            board_at(gateway, "k-2", program=keyed()) as second,
            board_at(gateway, "k-3", program=keyed()) as third,
        ):
            await receive_release(second, keys["k-2"])
            await receive_release(third, keys["k-3"])
            done = await until(gateway, rollout, good=3)

    assert done["state"] == "done"


async def test_of_two_deploys_at_once_the_board_gets_both_in_their_order(gateway: RunningApp) -> None:
    key = await key_of(gateway, "twice")
    received: list[dict[str, bytes]] = []
    async with board_at(gateway, "twice", program=keyed()) as board:
        taking = asyncio.create_task(receive_releases(board, key, received))
        numbers = await asyncio.gather(
            deploy(gateway, "twice", main=b"print(1)"), deploy(gateway, "twice", main=b"print(2)")
        )
        done = await until(gateway, max(numbers), good=1)
        taking.cancel()
    first = (await gateway.get(f"/api/rollouts/{min(numbers)}")).json()["counts"]
    in_order = [{"main.py": b"print(1)"}, {"main.py": b"print(2)"}]
    if numbers[0] > numbers[1]:
        in_order.reverse()

    assert done["state"] == "done"
    assert received == (in_order if first == {"good": 1} else in_order[1:])
    assert first in ({"good": 1}, {"superseded": 1})


async def test_of_two_deploys_to_hundreds_at_once_the_newer_is_what_every_board_waits_for(gateway: RunningApp) -> None:
    updater = gateway.parts.updater
    boards = [f"many-{number}" for number in range(400)]
    release = updater.store.releases[(await upload(gateway, **{"main.py": MAIN})).json()["number"]]

    order = Deploy(release.number, boards, RolloutPlan(), "maker")
    numbers = await asyncio.gather(*(updater.coordination.order(order) for _ in range(2)))
    older, newer = (updater.store.rollouts[number] for number in numbers)

    assert older.number < newer.number
    assert [older.counts, newer.counts] == [{"superseded": 400}, {"waiting": 400}]


async def test_a_board_that_is_given_a_release_while_a_deploy_is_prepared_gets_it_instead(gateway: RunningApp) -> None:
    updater = gateway.parts.updater
    await key_of(gateway, "chosen")
    boards = [*(f"other-{number}" for number in range(1000)), "chosen"]
    first, newest = [(await upload(gateway, **{"main.py": main})).json()["number"] for main in (b"1", b"2")]
    async with board_at(gateway, "chosen", program=keyed(release=str(first))):
        order = Deploy(first, boards, RolloutPlan(), "maker")
        deploying = asyncio.create_task(updater.ordered.carry_out(order))
        await asyncio.sleep(0)
        assert updater.install_newest("chosen", "maker")
        rollout = updater.store.rollouts[await deploying]

    assert rollout.counts == {"superseded": 1, "waiting": 1000}
    assert newest in {found.release for found in updater.store.rollouts.values() if found.number > rollout.number}


async def test_a_gateway_that_ended_before_it_stopped_a_rollout_stops_it_at_its_next_start() -> None:
    async with RunningApp() as gateway:
        for device in ("fallen", "waiting"):
            await key_of(gateway, device)
            async with board_at(gateway, device, program=keyed()):
                pass
        number = await deploy(gateway, "fallen", "waiting")
        store = gateway.parts.updater.store
        target = store.rollouts[number].targets["fallen"]
        target.state, target.reason = "fell_back", "no Wi-Fi"
        store.keep_target(store.rollouts[number], target)
        before = store.rollouts[number].state
        await gateway.restart()
        after = await until(gateway, number, fell_back=1, waiting=1)

    assert before == "running"
    assert (after["state"], after["reason"]) == ("stopped", "fallen fell back: no Wi-Fi")


async def receive_releases(board: Board, key: bytes, received: list[dict[str, bytes]]) -> None:
    """Plays a board that takes whatever comes."""
    while True:
        received.append(await receive_release(board, key))


async def test_a_board_that_slept_for_a_day_gets_the_newest_release_and_tells_of_its_trial() -> None:
    clock = Clock(1_800_000_000.0)
    async with RunningApp() as gateway:
        gateway.parts.updater.unix_s = clock
        keys = {device: await key_of(gateway, device) for device in ("asleep", "tried")}
        async with board_at(gateway, "asleep", program=keyed()), board_at(gateway, "tried", program=keyed()) as board:
            pass
        older = await deploy(gateway, "asleep", main=b"print('old')")
        async with board_at(gateway, "tried", program=keyed()) as board:
            rollout = await deploy(gateway, "asleep", "tried")
            counter = await fall_back(board)
        await until(gateway, rollout, trial=1, waiting=1)
        clock.now_s += DAY_S
        async with (
            board_at(gateway, "tried", program=keyed(state="good", counter=counter)),
            board_at(gateway, "asleep", program=keyed()) as board,
        ):
            files = await receive_release(board, keys["asleep"])
            done = await until(gateway, rollout, good=2)

        assert files == {"main.py": MAIN} and done["state"] == "done"
        assert (await gateway.get(f"/api/rollouts/{older}")).json()["counts"] == {"superseded": 1}


async def test_a_board_that_refuses_what_it_has_taken_already_gets_no_second_update(gateway: RunningApp) -> None:
    await key_of(gateway, "had")
    offers = []
    async with board_at(gateway, "had", program=keyed()) as board:
        rollout = await deploy(gateway, "had")
        for _ in range(2):
            message = await board.receive("update")
            offers.append(json.loads(message["header"])["counter"])
            refusal = {"status": "error", "message": "this update is not newer", "counter": offers[0]}
            await board.send("update_state", id=message["id"], **refusal)
    async with board_at(gateway, "had", program=keyed(state="good", counter=offers[0])):
        found = await until(gateway, rollout, good=1)

    assert offers[0] == offers[1] and found["targets"][0]["tries"] == 0


async def test_a_clock_that_went_back_gives_no_older_counter(gateway: RunningApp) -> None:
    store = gateway.parts.updater.store
    store.make_key("back")

    counters = [store.next_counter("back", 0, now_s) for now_s in (1_800_000_000.0, 0.0, 1_700_000_000.0)]

    assert counters == sorted(set(counters))


async def test_an_update_of_another_gateway_is_told_once_and_not_fought_with(gateway: RunningApp) -> None:
    await key_of(gateway, "both")
    async with board_at(gateway, "both", program=keyed()) as board:
        rollout = await deploy(gateway, "both")
        counter = await fall_back(board)
        await until(gateway, rollout, trial=1)
    for _ in range(2):
        async with board_at(gateway, "both", program=keyed(state="good", counter=counter + 9)):
            refused = await until(gateway, rollout, refused=1)
    entries = (await gateway.get("/api/journal?device=both&type=update")).json()["rows"]

    assert [entry for entry in entries if "another gateway" in entry["payload"] and "rollout" not in entry["payload"]]
    assert sum(entry["payload"].startswith("both has had update") for entry in entries) == 1
    assert "`darvaz forget both` and `darvaz flash`" in refused["targets"][0]["reason"]


async def test_a_board_that_another_gateway_has_flashed_says_what_to_do(gateway: RunningApp) -> None:
    await key_of(gateway, "other")
    async with board_at(gateway, "other", program=keyed()) as board:
        rollout = await deploy(gateway, "other")
        offer = await board.receive("update")
        why = "this update is not signed with the key of this board"
        await board.send("update_state", id=offer["id"], status="error", message=why, counter=0)
        refused = await until(gateway, rollout, waiting=1)

    assert "run `darvaz flash` with this gateway" in refused["targets"][0]["reason"]
