"""Every operation of the API has a verb: each verb against a real gateway, as text, as JSON, and in 40 columns."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from darvaz.cli import cli
from darvaz.cli.verbs import TABLE
from darvaz.gateway.api.routes import _OPERATIONS
from tests.support.board import Board, board_at
from tests.support.camera import Camera, jpeg
from tests.support.gateway import GatewayProcess
from tests.support.viewing import run_cli

DEVICE = "-pan;tilt"
# A browser's own, documents, and what only a program of another kind uses.
WITHOUT_VERB = {
    "GET /api/session", "POST /api/session", "DELETE /api/session", "GET /asyncapi.json", "GET /protocol.json",
    "GET /metrics", "GET /api/home-assistant", "DELETE /api/devices/{device}/home-assistant-key", "POST /mcp",
    "PUT /api/devices/{device}/words", "PUT /api/home-assistant", "GET /api/firmware",
    "GET /api/micropython", "GET /api/micropython/{board}", "POST /api/micropython/{board}",
    "POST /api/session/link", "POST /api/qr-codes", "PATCH /api/session",
    # Only a browser can subscribe itself.
    "GET /api/push-subscription", "PUT /api/push-subscription", "DELETE /api/push-subscription",
    "POST /api/push-subscription/test",
}  # fmt: skip


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(env={"DARVAZ_CAMERA_RING_FRAMES": "5", "DARVAZ_CAMERA_RING_EVERY_S": "0.1"}) as running:
        yield running


@pytest_asyncio.fixture
async def board(gateway: GatewayProcess) -> AsyncIterator[Board]:
    async with board_at(gateway.ws_url, DEVICE, telemetry={"temperature": {"unit": "°C"}}) as board:
        for value in (20.5, 21.5):
            await board.send("telemetry", values={"temperature": value, "lid": "open"})
        yield board


async def run(gateway: GatewayProcess, *words: str | Path) -> Result:
    """Runs a verb in this process, as a terminal of 40 columns would see it."""
    env = {"DARVAZ_GATEWAY": gateway.url, "DARVAZ_DATA": str(gateway.data), "COLUMNS": "40"}
    runner = CliRunner(env=env)
    return await asyncio.to_thread(runner.invoke, cli, [str(word) for word in words])


def contents(file: str) -> bytes:
    return Path(file).read_bytes()


async def json_of(gateway: GatewayProcess, *words: str | Path) -> Any:
    verb = 2 if words[0] == "token" else 1
    done = await run(gateway, *words[:verb], "--json", *words[verb:])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_every_operation_has_a_verb() -> None:
    operations = {f"{operation.method} {operation.path}" for operation in _OPERATIONS}
    covered = {operation for verb in TABLE.values() for operation in verb.operations}

    assert operations - covered == WITHOUT_VERB
    assert covered - operations == set()


@pytest.mark.usefixtures("board")
async def test_newest_readings_and_those_of_a_time_are_shown(gateway: GatewayProcess) -> None:
    newest = await json_of(gateway, "telemetry", "--", DEVICE)
    text = await run(gateway, "telemetry", "--since", "1h", "--", DEVICE, "temperature")
    points = await json_of(gateway, "telemetry", "--", DEVICE, "temperature")

    assert (newest["temperature"]["value"], newest["lid"]["value"]) == (21.5, "open")
    assert "21.5" in text.stdout and "mean" in text.stdout
    assert points[-1]["highest"] == 21.5
    assert (await run(gateway, "telemetry", "--since", "1h", "--", DEVICE)).exit_code == 2


async def test_events_are_shown_as_they_happen(gateway: GatewayProcess, board: Board) -> None:
    showing = asyncio.create_task(
        # In a process: it handles signals.
        asyncio.to_thread(
            run_cli, "events", "--type", "log", "--count", "2", f"--device={DEVICE}", "--json", gateway=gateway
        )
    )
    while not showing.done():
        await board.send("log", message="hello\x1b[2J")
        await asyncio.sleep(0.05)

    done = await showing
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["message"] for line in lines] == ["hello\x1b[2J", "hello\x1b[2J"]
    assert "\x1b" not in done.stdout


@pytest.mark.usefixtures("board")
async def test_a_device_gets_a_label_and_loses_it(gateway: GatewayProcess) -> None:
    named = await run(gateway, "rename", "--", DEVICE, "In the hall")
    without = await json_of(gateway, "rename", "--", DEVICE)

    assert named.stdout == f"{DEVICE} is called In the hall.\n"
    assert without["label"] is None


@pytest.mark.usefixtures("board")
async def test_changes_of_a_text_are_shown(gateway: GatewayProcess) -> None:
    shown = await run(gateway, "telemetry", "--states", "--", DEVICE, "lid")
    changes = await json_of(gateway, "telemetry", "--states", "--", DEVICE, "lid")

    assert shown.exit_code == 0 and "open" in shown.stdout
    assert changes[-1][1] == "open"


async def test_a_dashboard_goes_to_a_file_and_comes_back(gateway: GatewayProcess, tmp_path: Path) -> None:
    file = tmp_path / "hall.json"
    file.write_text('{"title": "Hall", "cards": [{"kind": "text", "text": "hello"}]}')

    made = (await run(gateway, "dashboards", "put", file)).stdout.partition(":")[0]
    file.write_text((await run(gateway, "dashboards", "show", made)).stdout.replace("Hall", "The hall"))
    await run(gateway, "dashboards", "put", file, "--replace", made)
    listed = await run(gateway, "dashboards", "list")
    removed = await run(gateway, "dashboards", "remove", made)
    file.write_text("nonsense")
    wrong = await run(gateway, "dashboards", "put", file)

    assert made in listed.stdout and "The hall" in listed.stdout
    assert removed.stdout == f"{made} is removed.\n"
    assert wrong.exit_code == 1 and "is not a dashboard" in wrong.stderr


async def test_the_language_of_a_person_is_changed_and_shown(gateway: GatewayProcess) -> None:
    await run(gateway, "people", "add", "Nasrin", "--role", "viewer")
    changed = await run(gateway, "people", "change", "Nasrin", "--language", "fa", "--json")
    listed = await run(gateway, "people", "list", "--json")
    link = await run(gateway, "people", "link", "Nasrin")
    again = await run(gateway, "people", "change", "Nasrin", "--language", "none", "--json")
    await run(gateway, "people", "remove", "Nasrin")

    assert (json.loads(changed.stdout)["language"], json.loads(again.stdout)["language"]) == ("fa", None)
    assert [person["language"] for person in json.loads(listed.stdout) if person["name"] == "Nasrin"] == ["fa"]
    assert "/sign-in?language=fa#dvz_" in link.stdout


async def test_people_are_invited_changed_and_removed(gateway: GatewayProcess) -> None:
    invited = await run(gateway, "people", "invite", "--may", "lab:lamp,pump", "--uses", "30")
    added = await run(gateway, "people", "add", "Sara", "--role", "operator")
    changed = await run(gateway, "people", "change", "Sara", "--role", "user", "--may", "lab")
    listed = await run(gateway, "people", "list")
    invitations = await run(gateway, "people", "invitations")
    removed = await run(gateway, "people", "remove", "Sara")

    assert "/sign-in#dvz_" in invited.stdout and "/sign-in#dvz_" in added.stdout
    assert changed.stdout == "Sara is user.\n"
    assert listed.stdout.splitlines()[1].split("\t")[:3] == ["Sara", "user", "lab"]
    assert invitations.stdout.splitlines()[1].split("\t")[1:4] == ["user", "lab:lamp,pump", "0 of 30"]
    assert removed.stdout == "Sara is removed.\n"


async def test_a_device_is_forgotten_only_when_that_is_confirmed(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "old"):
        pass

    unconfirmed = await run(gateway, "forget", "old")
    wrong = await run(gateway, "forget", "old", "nobody", "--confirm")
    there = [device["id"] for device in await json_of(gateway, "devices")]
    done = await run(gateway, "forget", "old", "--confirm")

    assert unconfirmed.exit_code == 2 and "add --confirm" in unconfirmed.stderr
    assert wrong.exit_code == 1 and "nobody" in wrong.stderr and "old" in there
    assert done.stdout == "old is forgotten.\n"
    assert "old" not in [device["id"] for device in await json_of(gateway, "devices")]


async def test_settings_are_shown_and_changed_until_the_gateway_stops(gateway: GatewayProcess) -> None:
    changed = await json_of(gateway, "settings", "log_level=warning", "journal_retain_days=7")
    shown = await run(gateway, "settings")
    wrong = await run(gateway, "settings", "nonsense=1")

    assert (changed["log_level"], changed["journal_retain_days"]) == ("warning", 7)
    assert "log_level" in shown.stdout
    assert wrong.exit_code == 1 and "nonsense" in wrong.stderr


@pytest.mark.usefixtures("board")
async def test_the_journal_becomes_a_file(gateway: GatewayProcess, tmp_path: Path) -> None:
    lines = await run(gateway, "export", "--type", "connected", "--json")
    table = await run(gateway, "export", "-o", tmp_path / "journal.csv", "--format", "csv", "--since", "1h")
    nowhere = await run(gateway, "export", "-o", tmp_path / "no" / "journal.csv")

    assert {json.loads(line)["type"] for line in lines.stdout.splitlines()} == {"connected"}
    rows = list(csv.reader(io.StringIO((tmp_path / "journal.csv").read_text())))
    assert table.exit_code == 0 and rows[0][1] == "time" and len(rows) > 2
    assert nowhere.exit_code == 1 and "cannot be written" in nowhere.stderr
    assert os.listdir(tmp_path) == ["journal.csv"]


async def test_a_browser_is_listed_and_signed_out(gateway: GatewayProcess) -> None:
    link = (await json_of(gateway, "signin", "--role", "viewer"))["link"]
    assert gateway.post("/api/session", json={"token": link.partition("#")[2]}).is_success

    (session,) = await json_of(gateway, "sessions")
    shown = await run(gateway, "sessions")
    ended = await run(gateway, "sessions", "--end", session["id"])

    assert session["role"] == "viewer" and session["id"] in shown.stdout
    assert ended.stdout == f"Session {session['id']} is ended.\n"
    assert await json_of(gateway, "sessions") == []


async def test_a_gateway_says_that_it_is_well(gateway: GatewayProcess) -> None:
    found = await json_of(gateway, "status")
    shown = await run(gateway, "status")

    assert (found["status"], found["problems"]) == ("ok", [])
    assert shown.stdout.startswith(f"ok: {gateway.url}, version ")


async def test_kept_frames_and_links_of_a_camera(gateway: GatewayProcess, tmp_path: Path) -> None:
    async with Camera(gateway.ws_url, obeys=False, commands={}) as camera:
        await camera.send(jpeg(5))
        links = await json_of(gateway, "viewlink", "yard", "--minutes", "5")
        found = await json_of(gateway, "frames", "yard", "--save", tmp_path / "kept")

    assert links["snapshot"].startswith(f"{gateway.url}/api/devices/yard/snapshot.jpg?until=")
    assert [contents(file) for file in found["files"]] == [jpeg(5)]


async def test_the_picture_of_a_camera_is_chosen(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url, "meadow") as camera:
        await camera.wait_for_stream(size="VGA")
        usual = await run(gateway, "picture", "meadow")
        chosen = await json_of(gateway, "picture", "meadow", "--size", "qvga", "--fps", "4")
        await camera.wait_for_stream(size="QVGA", quality=80)
        more = await json_of(gateway, "picture", "meadow", "--quality", "40")
        back = await json_of(gateway, "picture", "meadow", "--default")

    assert usual.stdout == "meadow: VGA, quality 80, 10 pictures a second; it sends them so.\n"
    assert (chosen["size"], chosen["fps"], chosen["quality"]) == ("QVGA", 4, None)
    assert (more["size"], more["quality"]) == ("QVGA", 40)
    assert (back["size"], back["fps"], back["quality"]) == (None, None, None)


async def test_motion_before_a_camera_is_turned_on_and_off(gateway: GatewayProcess) -> None:
    async with Camera(gateway.ws_url, "porch", obeys=False) as camera:
        off = await run(gateway, "motion", "porch")
        on = await json_of(gateway, "motion", "porch", "--on", "--percent", "4")
        requested = await camera.wait_for_stream(fps=2)
        shown = await run(gateway, "motion", "porch")
        await json_of(gateway, "motion", "porch", "--off")
        again = await json_of(gateway, "motion", "porch")

    assert off.stdout == "porch: motion is not looked for; turn it on with --on.\n"
    assert (on["is_on"], on["percent"], requested["fps"]) == (True, 4, 2)
    assert shown.stdout == "porch: motion is looked for, from 4 % of the picture on; nothing moves now.\n"
    assert (again["is_on"], again["percent"]) == (False, 4)


async def test_verbs_that_change_something_print_json_too(gateway: GatewayProcess, board: Board) -> None:
    opened = await json_of(gateway, "enrol", "--minutes", "5")
    shown = await json_of(gateway, "enrol", "--show")
    closed = await json_of(gateway, "enrol", "--close")
    issued = await json_of(gateway, "token", "issue", "viewer")
    revoked = await json_of(gateway, "token", "revoke", issued["id"])

    assert opened["is_open"] and 0 < shown["seconds_left"] <= 300 and not closed["is_open"]
    assert revoked == {"revoked": issued["id"]}
    sending = asyncio.create_task(json_of(gateway, "send", "--", DEVICE, "turn"))
    command = await board.receive("command")
    await board.send("ack", id=command["id"], status="ok", result=7)
    assert await sending == {"result": 7}
