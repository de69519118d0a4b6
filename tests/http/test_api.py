"""The API of a running gateway: devices, telemetry, tokens, enrolment, settings, health, metrics."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import closing
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed

from darvaz import is_compiled
from darvaz.gateway.storage.database import open_database
from tests.support.api import assert_problem, until
from tests.support.app import RunningApp
from tests.support.board import board_at

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMANDS = {"pan": {"angle": {"type": "number", "min": 0, "max": 180, "unit": "°"}}}
TELEMETRY = {"temperature": {"unit": "°C"}}


# Devices


async def test_a_device_shows_its_introduction_and_its_vitals(gateway: RunningApp) -> None:
    introduction: dict[str, Any] = {"version": "1.2.0", "board": "Pico W", "commands": COMMANDS, "telemetry": TELEMETRY}
    async with board_at(gateway, "full", **introduction, heap_free_bytes=150_000, ip="192.0.2.9") as board:
        await board.send("pong", rssi_dbm=-61, uptime_s=12)

        found = await until(gateway, "/api/devices/full", lambda device: device["rssi_dbm"] is not None)

    assert {name: found[name] for name in ("id", "kind", "online", "version", "board", "ip", "label")} == {
        "id": "full", "kind": "pico", "online": True, "version": "1.2.0", "board": "Pico W", "ip": "192.0.2.9",
        "label": None,
    }  # fmt: skip
    assert (found["rssi_dbm"], found["heap_free_bytes"], found["uptime_s"]) == (-61, 150_000, 12)
    assert (found["commands"], found["telemetry"]) == (COMMANDS, TELEMETRY)
    gone = await until(gateway, "/api/devices/full", lambda device: not device["online"])
    assert gone["last_seen"] >= gone["first_seen"] > 0 and gone["since"] is None
    assert gone in (await gateway.ask("GET", "/api/devices")).json()["devices"]


async def test_a_label_survives_connections_and_restarts() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "labelled"):
            named = await gateway.ask("PATCH", "/api/devices/labelled", json={"label": "درِ ورودی"})
        async with board_at(gateway, "labelled"):
            pass
        await gateway.restart()

        kept = (await gateway.ask("GET", "/api/devices/labelled")).json()
        taken = await gateway.ask("PATCH", "/api/devices/labelled", json={"label": None})

    assert named.json()["label"] == kept["label"] == "درِ ورودی"
    assert taken.json()["label"] is None


async def test_a_blank_label_counts_as_none(gateway: RunningApp) -> None:
    async with board_at(gateway, "blank"):
        named = await gateway.ask("PATCH", "/api/devices/blank", json={"label": " Front gate "})
        blank = await gateway.ask("PATCH", "/api/devices/blank", json={"label": "   "})

    assert (named.json()["label"], blank.json()["label"]) == ("Front gate", None)


@pytest.mark.parametrize("label", ["x" * 65, "a\nb", "\u202egnp.exe", 5])
async def test_a_misleading_label_is_refused(gateway: RunningApp, label: Any) -> None:
    assert_problem(await gateway.ask("PATCH", "/api/devices/any", json={"label": label}), 422, "invalid")


async def test_forgetting_a_device_removes_its_link_tokens_and_history(gateway: RunningApp) -> None:
    token = await gateway.token()
    async with board_at(gateway, "forgotten", token=token) as board:
        await board.send("telemetry", values={"temperature": 1})
        path = "/api/devices/forgotten/telemetry/temperature"
        await until(gateway, path, lambda plot: plot["points"])

        answer = await gateway.ask("DELETE", "/api/devices/forgotten")

        with pytest.raises(ConnectionClosed) as closed:
            await board.receive("never")
    assert answer.status_code == 204
    assert closed.value.rcvd is not None and closed.value.rcvd.code in (4401, 4403)
    assert_problem(await gateway.ask("GET", "/api/devices/forgotten"), 404, "unknown_device")
    assert_problem(await gateway.ask("DELETE", "/api/devices/forgotten"), 404, "unknown_device")
    tokens = (await gateway.ask("GET", "/api/tokens")).json()["tokens"]
    assert [entry["state"] for entry in tokens if entry["device"] == "forgotten"] == ["revoked"]
    async with board_at(gateway, "forgotten"):
        pass
    await until(gateway, path, lambda plot: plot["points"] == [])


# Telemetry


async def test_telemetry_has_newest_values_and_a_plot(gateway: RunningApp) -> None:
    began_s = time.time()
    async with board_at(gateway, "reporting", telemetry=TELEMETRY) as board:
        for value in (20, 20.5, 21):
            await board.send("telemetry", values={"temperature": value, "gate": "open", "lamp": True})
            await asyncio.sleep(0.01)
        path = "/api/devices/reporting/telemetry"
        plot = await until(gateway, f"{path}/temperature?from=-60", lambda plot: len(plot["points"]) == 3)
        latest = (await gateway.ask("GET", path)).json()

    assert {name: reading["value"] for name, reading in latest["values"].items()} == {
        "temperature": 21, "gate": "open", "lamp": True,
    }  # fmt: skip
    assert (plot["unit"], plot["source"], plot["step_s"]) == ("°C", "readings", 0)
    assert [point[1:] for point in plot["points"]] == [[20, 20, 20, 1], [20.5, 20.5, 20.5, 1], [21, 21, 21, 1]]
    assert began_s - 1 < plot["points"][0][0] <= time.time()
    assert plot["to"] - plot["from"] == pytest.approx(60)


async def test_numbers_survive_a_restart() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "kept") as board:
            await board.send("telemetry", values={"temperature": 20.5})
            await until(gateway, "/api/devices/kept/telemetry", lambda latest: latest["values"])
        await gateway.restart()

        latest = (await gateway.ask("GET", "/api/devices/kept/telemetry")).json()

    assert latest["values"]["temperature"]["value"] == 20.5


async def test_telemetry_of_an_unknown_device_is_a_problem(gateway: RunningApp) -> None:
    assert_problem(await gateway.ask("GET", "/api/devices/nobody/telemetry"), 404, "unknown_device")
    assert_problem(await gateway.ask("GET", "/api/devices/nobody/telemetry/t"), 404, "unknown_device")


@pytest.mark.parametrize("query", ["points=0", "points=2001", "from=yesterday", "form=1", "from=1&from=2", "to=nan"])
async def test_an_invalid_plot_query_is_a_problem(gateway: RunningApp, query: str) -> None:
    assert_problem(await gateway.ask("GET", f"/api/devices/nobody/telemetry/t?{query}"), 422, "invalid")


# Tokens and enrolment


async def test_a_token_is_shown_once_used_listed_and_revoked(gateway: RunningApp) -> None:
    issued = await gateway.ask("POST", "/api/tokens", json={"kind": "pico", "label": "shed", "expires_days": 1})
    token = issued.json()["token"]
    async with board_at(gateway, "with-token", token=token) as board:
        listed = (await gateway.ask("GET", "/api/tokens")).json()["tokens"]
        revoked = await gateway.ask("DELETE", f"/api/tokens/{issued.json()['id']}")
        with pytest.raises(ConnectionClosed) as closed:
            await board.receive("never")

    [entry] = [entry for entry in listed if entry["id"] == issued.json()["id"]]
    assert (issued.status_code, issued.headers["cache-control"]) == (201, "no-store")
    assert (entry["label"], entry["device"], entry["state"]) == ("shed", "with-token", "live")
    assert entry["last_used"] is not None and entry["last_address"] == "127.0.0.1"
    assert token.split("_", 2)[2] not in json.dumps(listed)
    assert revoked.status_code == 204
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
    assert_problem(await gateway.ask("DELETE", f"/api/tokens/{issued.json()['id']}"), 404, "unknown_token")
    assert await gateway.journal(type="token revoked", payload=issued.json()["id"])


@pytest.mark.parametrize(
    "wanted", [{}, {"kind": "admin"}, {"kind": "pico", "label": "x" * 65}, {"kind": "pico", "device": "a b"},
               {"kind": "pico", "expires_days": 0}, {"kind": "pico", "secret": "x"}],
)  # fmt: skip
async def test_an_invalid_token_request_is_refused(gateway: RunningApp, wanted: dict[str, Any]) -> None:
    assert_problem(await gateway.ask("POST", "/api/tokens", json=wanted), 422, "invalid")


async def test_enrolment_is_opened_and_closed(gateway: RunningApp) -> None:
    opened = (await gateway.ask("POST", "/api/enrolment", json={"minutes": 5})).json()
    state = (await gateway.ask("GET", "/api/enrolment")).json()
    closed = (await gateway.ask("DELETE", "/api/enrolment")).json()

    assert opened["is_open"] is state["is_open"] is True and 290 < state["seconds_left"] <= 300
    assert (closed["is_open"], closed["seconds_left"]) == (False, 0)
    assert f"  {state['address']}\n" in gateway.printed
    assert_problem(await gateway.ask("POST", "/api/enrolment", json={"minutes": 100_000}), 422, "invalid")


# Links of cameras


async def test_view_links_are_made_for_cameras_only(gateway: RunningApp) -> None:
    async with (
        board_at(gateway, "a camera".replace(" ", "&"), kind="esp32cam"),
        board_at(gateway, "no-camera"),
    ):
        made = await gateway.ask("POST", "/api/devices/a%26camera/view-links", json={"minutes": 5})
        none = await gateway.ask("POST", "/api/devices/no-camera/view-links")

    assert made.status_code == 201
    assert made.json()["snapshot"].startswith("/api/devices/a%26camera/snapshot.jpg?until=")
    assert 290 < made.json()["expires"] - time.time() <= 301
    assert_problem(none, 404, "not_a_camera")


# The gateway itself


async def test_some_settings_change_while_the_gateway_runs(gateway: RunningApp) -> None:
    before = (await gateway.ask("GET", "/api/settings")).json()["settings"]
    changed = await gateway.ask("PATCH", "/api/settings", json={"command_deadline_s": 0.2, "public_tokens": "never"})
    async with board_at(gateway, "silent"):
        late = await gateway.ask("POST", "/api/devices/silent/commands/anything")
    tokens = await gateway.ask("GET", "/public/tokens")
    again = await gateway.ask("PATCH", "/api/settings", json={"command_deadline_s": 10, "public_tokens": "window"})

    assert before["command_deadline_s"]["may_change"] and not before["allowed_hosts"]["may_change"]
    assert changed.json()["settings"]["command_deadline_s"]["value"] == 0.2
    assert_problem(late, 504, "timed_out")
    assert_problem(tokens, 403, "enrolment_closed")
    assert again.json()["settings"]["public_tokens"]["value"] == "window"
    assert (await gateway.ask("GET", "/public/tokens")).status_code == 200


@pytest.mark.parametrize(
    "wanted", [{"allowed_hosts": "x"}, {"log_level": "loud"}, {"command_deadline_s": -1}, {"port": 1}]
)
async def test_other_settings_do_not_change(gateway: RunningApp, wanted: dict[str, Any]) -> None:
    assert_problem(await gateway.ask("PATCH", "/api/settings", json=wanted), 422, "invalid")


async def test_health_and_version_describe_the_gateway(gateway: RunningApp) -> None:
    async with board_at(gateway, "healthy"):
        health = (await gateway.ask("GET", "/api/health")).json()
    version = (await gateway.ask("GET", "/api/version")).json()

    assert (health["status"], health["journal"], health["history"]) == ("ok", "ok", "ok")
    assert health["devices_online"] >= 1 and health["links"] >= 1 and health["uptime_s"] > 0
    assert version == {"version": health["version"], "protocol": 1, "compiled": is_compiled}


async def test_metrics_count_messages_and_connections(gateway: RunningApp) -> None:
    async def value(name: str, **labels: str) -> float:
        page = (await gateway.ask("GET", "/metrics")).text
        samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
        return next((s.value for s in samples if s.name == name and s.labels == labels), 0.0)

    before = await value("darvaz_messages_total", direction="received", type="log")
    async with board_at(gateway, "counted") as board:
        await board.send("log", message="one", level="info")
        assert await gateway.journal(device="counted", type="log")

        assert await value("darvaz_messages_total", direction="received", type="log") > before
        assert await value("darvaz_device_up", device="counted") == 1
        assert await value("darvaz_devices_connected", type="pico") >= 1
        assert await value("darvaz_connections_total", type="pico", result="accepted") >= 1
    await until(gateway, "/api/devices/counted", lambda device: not device["online"])
    assert await value("darvaz_device_up", device="counted") == 0


async def test_metrics_need_a_viewer() -> None:
    async with RunningApp(localhost_without_token=False) as gateway:
        assert_problem(await gateway.ask("GET", "/metrics"), 401, "not_authorised")
        assert (await gateway.ask("GET", "/health")).status_code == 200


async def test_device_of_an_unknown_kind_fails_no_list() -> None:
    async with RunningApp() as gateway:
        async with board_at(gateway, "known"):
            pass
        await gateway.stop()
        with closing(open_database(gateway.data)) as connection:
            connection.execute(
                "INSERT INTO devices (id, kind, first_seen_s, last_seen_s, address) VALUES ('later', 'esp99', 1, 1, '')"
            )
        await gateway.start()

        answers = [await gateway.get(path) for path in ("/api/devices", "/metrics", "/api/devices/later")]

    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert [device["id"] for device in answers[0].json()["devices"]] == ["known"]
