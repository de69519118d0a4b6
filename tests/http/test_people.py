"""People: invited by one link, with a role and limits that the gateway keeps them to, and cut off at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.api import assert_problem
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.browsers import Browser
from tests.support.event_stream import open_stream

pytestmark = pytest.mark.asyncio(loop_scope="module")
ELSEWHERE = "192.0.2.7"
COMMANDS: dict[str, Any] = {"lamp": {}, "pump": {}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[RunningApp]:
    async with RunningApp() as running:
        async with board_at(running, "desk", commands=COMMANDS), board_at(running, "safe", commands=COMMANDS):
            running.parts.groups.add("class", "desk")
            yield running


async def invited(gateway: RunningApp, **fields: Any) -> str:
    """Returns the secret of a new invitation."""
    made = await gateway.post("/api/invitations", json=fields)
    assert made.status_code == 201, made.text
    return str(made.json()["path"].partition("#")[2])


async def joined(gateway: RunningApp, name: str, **fields: Any) -> Browser:
    """Returns the browser of a person who has just come with an invitation."""
    browser = Browser(gateway, ELSEWHERE)
    signed_in = await browser.sign_in(await invited(gateway, **fields), name=name)
    assert signed_in.status_code == 201, signed_in.text
    return browser


async def id_of(gateway: RunningApp, name: str) -> str:
    people = (await gateway.get("/api/people")).json()["people"]
    return next(str(person["id"]) for person in people if person["name"] == name)


async def test_one_link_lets_in_as_many_as_it_may_and_no_more(gateway: RunningApp) -> None:
    secret = await invited(gateway, role="viewer", uses=3)

    came = await asyncio.gather(
        *(Browser(gateway, ELSEWHERE).sign_in(secret, name=f"Pupil {number}") for number in range(8))
    )

    assert sorted(each.status_code for each in came) == [201] * 3 + [401] * 5
    assert {each.json()["code"] for each in came if each.status_code == 401} == {"invitation_full"}
    shown = (await gateway.get("/api/invitations")).json()["invitations"][0]
    assert (shown["uses"], shown["uses_max"], shown["state"]) == (3, 3, "used")
    assert secret.rpartition("_")[2] not in (gateway.data / "darvaz.sqlite3").read_bytes().decode("latin-1")


async def test_a_name_is_asked_for_and_is_of_one_person_only(gateway: RunningApp) -> None:
    secret = await invited(gateway, role="viewer", uses=2)
    browser = Browser(gateway, ELSEWHERE)

    assert_problem(await browser.sign_in(secret), 409, "name_needed")
    assert (await browser.sign_in(secret, name="Nima")).status_code == 201
    assert_problem(await Browser(gateway, ELSEWHERE).sign_in(secret, name="NIMA"), 409, "name_taken")
    assert_problem(await Browser(gateway, ELSEWHERE).sign_in(secret, name="A (10.0.0.1)"), 422, "invalid")


async def test_a_user_sees_and_uses_what_is_allowed_and_nothing_else(gateway: RunningApp) -> None:
    user = await joined(gateway, "Sara", role="user", grants=[{"group": "class", "commands": ["lamp"]}])

    listed = (await user.ask("GET", "/api/devices")).json()["devices"]
    refused = await user.ask("POST", "/api/devices/desk/commands/pump", json={})
    many = await user.ask("POST", "/api/commands/lamp", json={"devices": ["safe"]})

    assert [device["id"] for device in listed] == ["desk"]
    assert_problem(await user.ask("GET", "/api/devices/safe"), 404, "unknown_device")
    assert_problem(await user.ask("GET", "/api/devices/safe/telemetry"), 404, "unknown_device")
    assert_problem(await user.ask("POST", "/api/devices/safe/commands/lamp", json={}), 404, "unknown_device")
    assert_problem(await user.ask("GET", "/api/journal?device=safe"), 403, "not_allowed")
    assert_problem(await user.ask("GET", "/api/journal"), 403, "not_allowed")
    assert_problem(await user.ask("GET", "/api/telemetry/export"), 403, "not_allowed")
    assert_problem(refused, 403, "not_allowed")
    assert [result["code"] for result in many.json()["results"]] == ["not_allowed"]
    assert (await user.ask("GET", "/api/groups")).json()["groups"] == [{"name": "class", "devices": ["desk"]}]


async def test_a_command_is_in_the_journal_by_the_name_of_the_person(gateway: RunningApp) -> None:
    async with board_at(gateway, "bell", commands=COMMANDS) as board:
        gateway.parts.groups.add("bells", "bell")
        user = await joined(gateway, "Omid", role="user", grants=[{"group": "bells"}])

        sent = asyncio.create_task(user.ask("POST", "/api/devices/bell/commands/lamp", json={}))
        await board.send("ack", id=(await board.receive("command"))["id"], status="ok")

        assert (await sent).status_code == 200
        (entry,) = await gateway.journal(type="command requested", device="bell")
        assert (entry.payload, entry.address) == ("lamp", f"Omid ({ELSEWHERE})")
        assert_problem(await user.ask("POST", "/api/devices/bell/commands/reboot", json={}), 403, "not_allowed")


async def test_a_removed_person_is_cut_off_at_once(gateway: RunningApp) -> None:
    user = await joined(gateway, "Reza", role="user", grants=[{"group": "class"}])
    person = await id_of(gateway, "Reza")
    async with gateway.client(ELSEWHERE, headers=user.cookie) as client, open_stream(client) as stream:
        assert (await gateway.ask("DELETE", f"/api/people/{person}")).status_code == 204

        with pytest.raises(EOFError):
            await stream.read()
    assert_problem(await user.ask("GET", "/api/devices"), 401, "not_authorised")


async def test_a_change_of_role_counts_at_once(gateway: RunningApp) -> None:
    user = await joined(gateway, "Mina", role="user", grants=[{"group": "class"}])
    person = await id_of(gateway, "Mina")

    await gateway.ask("PATCH", f"/api/people/{person}", json={"role": "viewer", "grants": []})
    as_viewer = await user.ask("POST", "/api/devices/desk/commands/lamp", json={})
    await gateway.ask("PATCH", f"/api/people/{person}", json={"role": "owner"})

    assert_problem(as_viewer, 403, "not_allowed")
    assert len((await user.ask("GET", "/api/devices")).json()["devices"]) >= 2
    assert_problem(await user.ask("DELETE", f"/api/people/{person}"), 409, "yourself")


async def test_a_person_signs_in_their_other_device(gateway: RunningApp) -> None:
    laptop, phone = await joined(gateway, "Laleh", role="viewer"), Browser(gateway, "192.0.2.8")

    link = (await laptop.ask("POST", "/api/session/link")).json()["path"]
    await phone.sign_in(link.partition("#")[2])

    assert (await phone.ask("GET", "/api/session")).json()["name"] == "Laleh"
    assert_problem(await gateway.post("/api/session/link"), 409, "no_person")


async def test_an_operator_makes_no_owner(gateway: RunningApp) -> None:
    operator = await joined(gateway, "Kian", role="operator")

    assert_problem(await operator.ask("POST", "/api/sign-in-links", json={"role": "owner"}), 403, "not_allowed")
    assert_problem(await operator.ask("POST", "/api/tokens", json={"kind": "owner"}), 403, "not_allowed")
    assert_problem(await operator.ask("POST", "/api/invitations", json={"role": "viewer"}), 403, "not_allowed")


async def test_what_a_person_made_ends_with_them(gateway: RunningApp) -> None:
    operator = await joined(gateway, "Parisa", role="operator")
    token = (await operator.ask("POST", "/api/tokens", json={"kind": "operator"})).json()["token"]
    link = (await operator.ask("POST", "/api/sign-in-links", json={"role": "viewer"})).json()["path"]
    guest = Browser(gateway, ELSEWHERE)
    await guest.sign_in(link.partition("#")[2])

    await gateway.ask("DELETE", f"/api/people/{await id_of(gateway, 'Parisa')}")

    header = {"Authorization": f"Bearer {token}"}
    assert (await gateway.ask("GET", "/api/devices", ELSEWHERE, headers=header)).status_code == 401
    assert (await guest.ask("GET", "/api/devices")).status_code == 401


async def test_a_shared_dashboard_shows_its_boards_alone_and_ends_with_its_link(gateway: RunningApp) -> None:
    cards = [
        {"kind": "value", "device": "desk", "name": "light"},
        {"kind": "control", "device": "desk", "name": "lamp"},
        {"kind": "log", "device": "desk"},
    ]
    layout = (await gateway.post("/api/layouts", json={"title": "Wall", "cards": cards})).json()["id"]
    made = (await gateway.post("/api/invitations", json={"role": "user", "uses": 5, "layout": layout})).json()
    wall = Browser(gateway, ELSEWHERE)

    assert (await wall.sign_in(made["path"].partition("#")[2])).status_code == 201
    shown = (await wall.ask("GET", "/api/layouts")).json()["layouts"]
    devices = (await wall.ask("GET", "/api/devices")).json()["devices"]

    assert [each["id"] for each in shown] == [layout]
    assert [device["id"] for device in devices] == ["desk"]
    assert_problem(await wall.ask("POST", "/api/devices/desk/commands/pump", json={}), 403, "not_allowed")
    assert_problem(await wall.ask("GET", "/api/journal?device=desk"), 403, "not_allowed")
    assert_problem(await wall.ask("GET", "/api/journal?type=log&device=safe"), 403, "not_allowed")
    assert (await wall.ask("GET", "/api/journal?type=log&device=desk")).status_code == 200
    await gateway.ask("DELETE", f"/api/invitations/{made['id']}")
    assert (await wall.ask("GET", "/api/layouts")).status_code == 401


async def test_a_person_keeps_a_language_for_pages_and_links(gateway: RunningApp) -> None:
    browser = await joined(gateway, "Nikan", role="viewer")
    before = (await browser.ask("GET", "/api/session")).json()["language"]

    changed = await browser.ask("PATCH", "/api/session", json={"language": "fa"})

    link = (await browser.ask("POST", "/api/session/link")).json()["path"]
    people = (await gateway.get("/api/people")).json()["people"]
    assert (before, changed.json()["language"]) == (None, "fa")
    assert link.startswith("/sign-in?language=fa#dvz_")
    assert [each["language"] for each in people if each["name"] == "Nikan"] == ["fa"]
    assert_problem(await browser.ask("PATCH", "/api/session", json={"language": "de"}), 422, "invalid")
    assert_problem(await gateway.ask("PATCH", "/api/session", json={"language": "fa"}), 409, "no_person")


async def test_the_language_of_the_first_browser_is_kept_until_the_person_chooses(gateway: RunningApp) -> None:
    browser = Browser(gateway, ELSEWHERE)
    await browser.sign_in(await invited(gateway, role="viewer"), name="Parisa", language="fa")
    first = (await browser.ask("GET", "/api/session")).json()["language"]
    link = (await browser.ask("POST", "/api/session/link")).json()["path"]
    other = Browser(gateway, "192.0.2.8")
    await other.sign_in(link.partition("#")[2], language="en")

    assert (first, (await other.ask("GET", "/api/session")).json()["language"]) == ("fa", "fa")


async def test_an_owner_changes_the_language_of_a_person_and_takes_it_away(gateway: RunningApp) -> None:
    browser = await joined(gateway, "Shirin", role="viewer")
    person = await id_of(gateway, "Shirin")

    persian = await gateway.ask("PATCH", f"/api/people/{person}", json={"language": "fa"})
    kept = await gateway.ask("PATCH", f"/api/people/{person}", json={"name": "Shirin S"})
    none = await gateway.ask("PATCH", f"/api/people/{person}", json={"language": None})

    assert [answer.json()["language"] for answer in (persian, kept, none)] == ["fa", "fa", None]
    assert (await browser.ask("GET", "/api/session")).json()["language"] is None
