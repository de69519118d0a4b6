"""The API of a running gateway: devices, telemetry, journal, tokens, enrolment, settings, health, metrics."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed

from darvaz import is_compiled
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess
from tests.support.journalled import wait_for_line

_DEADLINE_S = 20.0
# Everything that a board may be called and that somebody might take for something else.
HOSTILE = '=HYPERLINK("x","<script>alert(1)</script>")\',;`$(x)'.replace("/", "∕")
COMMANDS = {"pan": {"angle": {"type": "number", "min": 0, "max": 180, "unit": "°"}}}
TELEMETRY = {"temperature": {"unit": "°C"}}


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


async def ask(gateway: GatewayProcess, method: str, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30) as client:
        return await client.request(method, path, **options)


async def until(gateway: GatewayProcess, path: str, is_so: Callable[[Any], bool]) -> Any:
    """Asks again and again until the answer is as wanted."""
    deadline_s = time.monotonic() + _DEADLINE_S
    while True:
        found = (await ask(gateway, "GET", path)).json()
        if is_so(found):
            return found
        assert time.monotonic() < deadline_s, found
        await asyncio.sleep(0.05)


def assert_problem(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"


# Devices


async def test_a_device_says_all_about_itself(gateway: GatewayProcess) -> None:
    introduction = {"version": "1.2.0", "board": "Pico W", "commands": COMMANDS, "telemetry": TELEMETRY}
    async with board_at(gateway.ws_url, "full", **introduction, heap_free_bytes=150_000, ip="192.0.2.9") as board:
        await board.say("pong", rssi_dbm=-61, uptime_s=12)

        found = await until(gateway, "/api/devices/full", lambda device: device["rssi_dbm"] is not None)

    assert {name: found[name] for name in ("id", "kind", "online", "version", "board", "ip", "label")} == {
        "id": "full", "kind": "pico", "online": True, "version": "1.2.0", "board": "Pico W", "ip": "192.0.2.9",
        "label": None,
    }  # fmt: skip
    assert (found["rssi_dbm"], found["heap_free_bytes"], found["uptime_s"]) == (-61, 150_000, 12)
    assert (found["commands"], found["telemetry"]) == (COMMANDS, TELEMETRY)
    gone = await until(gateway, "/api/devices/full", lambda device: not device["online"])
    assert gone["last_seen"] >= gone["first_seen"] > 0 and gone["since"] is None
    assert gone in (await ask(gateway, "GET", "/api/devices")).json()["devices"]


async def test_a_label_stays_through_connections_and_restarts() -> None:
    with GatewayProcess() as gateway:
        async with board_at(gateway.ws_url, "labelled"):
            named = await ask(gateway, "PATCH", "/api/devices/labelled", json={"label": "درِ ورودی"})
        async with board_at(gateway.ws_url, "labelled"):
            pass
        await asyncio.to_thread(gateway.stop)
        await asyncio.to_thread(gateway.start)

        kept = (await ask(gateway, "GET", "/api/devices/labelled")).json()
        taken = await ask(gateway, "PATCH", "/api/devices/labelled", json={"label": None})

    assert named.json()["label"] == kept["label"] == "درِ ورودی"
    assert taken.json()["label"] is None


async def test_a_label_of_blanks_is_none(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "blank"):
        named = await ask(gateway, "PATCH", "/api/devices/blank", json={"label": " Front door "})
        blank = await ask(gateway, "PATCH", "/api/devices/blank", json={"label": "   "})

    assert (named.json()["label"], blank.json()["label"]) == ("Front door", None)


@pytest.mark.parametrize("label", ["x" * 65, "a\nb", "\u202egnp.exe", 5])
async def test_a_label_that_could_mislead_is_refused(gateway: GatewayProcess, label: Any) -> None:
    assert_problem(await ask(gateway, "PATCH", "/api/devices/any", json={"label": label}), 422, "invalid")


async def test_a_forgotten_device_is_gone_with_its_link_tokens_and_history(gateway: GatewayProcess) -> None:
    token = gateway.token()
    async with board_at(gateway.ws_url, "forgotten", token=token) as board:
        await board.say("telemetry", values={"temperature": 1})
        path = "/api/devices/forgotten/telemetry/temperature"
        await until(gateway, path, lambda plot: plot["points"])

        answer = await ask(gateway, "DELETE", "/api/devices/forgotten")

        with pytest.raises(ConnectionClosed) as closed:
            await board.hear("never")
    assert answer.status_code == 204
    assert closed.value.rcvd is not None and closed.value.rcvd.code in (4401, 4403)
    assert_problem(await ask(gateway, "GET", "/api/devices/forgotten"), 404, "unknown_device")
    assert_problem(await ask(gateway, "DELETE", "/api/devices/forgotten"), 404, "unknown_device")
    tokens = (await ask(gateway, "GET", "/api/tokens")).json()["tokens"]
    assert [entry["state"] for entry in tokens if entry["device"] == "forgotten"] == ["revoked"]
    async with board_at(gateway.ws_url, "forgotten"):
        pass
    await until(gateway, path, lambda plot: plot["points"] == [])


# Telemetry


async def test_telemetry_is_there_as_numbers_and_over_time(gateway: GatewayProcess) -> None:
    began_s = time.time()
    async with board_at(gateway.ws_url, "reporting", telemetry=TELEMETRY) as board:
        for value in (20, 20.5, 21):
            await board.say("telemetry", values={"temperature": value, "door": "open", "lamp": True})
            await asyncio.sleep(0.01)
        path = "/api/devices/reporting/telemetry"
        plot = await until(gateway, f"{path}/temperature?from=-60", lambda plot: len(plot["points"]) == 3)
        latest = (await ask(gateway, "GET", path)).json()

    assert {name: reading["value"] for name, reading in latest["values"].items()} == {
        "temperature": 21, "door": "open", "lamp": True,
    }  # fmt: skip
    assert (plot["unit"], plot["source"], plot["step_s"]) == ("°C", "readings", 0)
    assert [point[1:] for point in plot["points"]] == [[20, 20, 20, 1], [20.5, 20.5, 20.5, 1], [21, 21, 21, 1]]
    assert began_s - 1 < plot["points"][0][0] <= time.time()
    assert plot["to"] - plot["from"] == pytest.approx(60)


async def test_numbers_are_known_again_after_a_restart() -> None:
    with GatewayProcess() as gateway:
        async with board_at(gateway.ws_url, "kept") as board:
            await board.say("telemetry", values={"temperature": 20.5})
            await until(gateway, "/api/devices/kept/telemetry", lambda latest: latest["values"])
        await asyncio.to_thread(gateway.stop)
        await asyncio.to_thread(gateway.start)

        latest = (await ask(gateway, "GET", "/api/devices/kept/telemetry")).json()

    assert latest["values"]["temperature"]["value"] == 20.5


async def test_asking_for_telemetry_of_nobody_is_told(gateway: GatewayProcess) -> None:
    assert_problem(await ask(gateway, "GET", "/api/devices/nobody/telemetry"), 404, "unknown_device")
    assert_problem(await ask(gateway, "GET", "/api/devices/nobody/telemetry/t"), 404, "unknown_device")


@pytest.mark.parametrize("query", ["points=0", "points=2001", "from=yesterday", "form=1", "from=1&from=2", "to=nan"])
async def test_a_faulty_question_is_answered_with_a_sentence(gateway: GatewayProcess, query: str) -> None:
    assert_problem(await ask(gateway, "GET", f"/api/devices/nobody/telemetry/t?{query}"), 422, "invalid")


# The journal


async def test_the_journal_is_read_page_by_page_in_both_directions(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "paged") as board:
        for number in range(25):
            await board.say("log", message=f"line {number}", level="info")
    path = "/api/journal?device=paged&type=log&limit=10"
    await until(gateway, "/api/journal?device=paged&type=log", lambda page: len(page["rows"]) == 25)

    newest = (await ask(gateway, "GET", path)).json()
    middle = (await ask(gateway, "GET", f"{path}&before={newest['older']}")).json()
    oldest = (await ask(gateway, "GET", f"{path}&before={middle['older']}")).json()
    forward = (await ask(gateway, "GET", f"{path}&after={oldest['newer']}")).json()
    after_all = (await ask(gateway, "GET", f"{path}&after={newest['newer']}")).json()

    def said(page: dict[str, Any]) -> list[int]:
        return [int(json.loads(row["payload"])["message"].split()[1]) for row in page["rows"]]

    assert [said(page) for page in (newest, middle, oldest)] == [list(range(15, 25)), list(range(5, 15)), [*range(5)]]
    assert oldest["older"] is None
    assert said(forward) == list(range(5, 15))
    assert (after_all["rows"], after_all["newer"]) == ([], newest["newer"])


async def test_the_journal_is_filtered_by_direction_and_time(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "filtered"):
        pass
    path = "/api/journal?device=filtered"
    await until(gateway, path, lambda page: any(row["type"] == "disconnected" for row in page["rows"]))

    states = (await ask(gateway, "GET", f"{path}&direction=%3D")).json()["rows"]
    future = (await ask(gateway, "GET", f"{path}&from={time.time() + 60}")).json()["rows"]
    minute = (await ask(gateway, "GET", f"{path}&from=-60&to=0")).json()["rows"]

    assert {row["direction"] for row in states} == {"="}
    assert future == [] and minute != []


async def test_a_hostile_name_is_harmless_in_every_output(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, HOSTILE, board="<img src=x onerror=alert(1)>") as board:
        await board.say("log", message='@SUM(1)\n"quoted",<b>\u001b[31mred\u202e', level="info")
        await board.say("telemetry", values={"temperature": 1})
        rows = await until(
            gateway, "/api/journal?type=log", lambda page: any(r["device"] == HOSTILE for r in page["rows"])
        )
        devices = await ask(gateway, "GET", "/api/devices")
        metrics = (await ask(gateway, "GET", "/metrics")).text
        export = await ask(gateway, "GET", "/api/journal/export?format=csv")
        lines = (await ask(gateway, "GET", "/api/journal/export")).text

    assert HOSTILE in [device["id"] for device in devices.json()["devices"]]
    assert devices.headers["content-type"] == "application/json", "never a page"
    assert export.headers["content-type"].startswith("text/csv")
    assert export.headers["content-disposition"].startswith('attachment; filename="darvaz-journal-')
    table = list(csv.reader(io.StringIO(export.content.decode("utf-8-sig"))))
    assert table[0] == ["id", "time", "device", "kind", "address", "direction", "type", "payload"]
    cells = [cell for row in table[1:] for cell in row]
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert not [cell for cell in cells if not cell.isprintable()]
    assert {len(row) for row in table} == {8}
    assert [json.loads(line)["device"] for line in lines.splitlines() if json.loads(line)["type"] == "log"].count(
        HOSTILE
    ) == 1
    assert rows["rows"]
    up = [s for f in text_string_to_metric_families(metrics) for s in f.samples if s.name == "darvaz_device_up"]
    assert HOSTILE in {sample.labels["device"] for sample in up}


async def test_an_export_of_many_rows_is_whole(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "talkative") as board:
        for number in range(2500):
            await board.say("log", message=str(number), level="debug")
            if number % 500 == 499:
                await board.say("ping")
                await board.hear("pong")
                await asyncio.sleep(1)
    await until(gateway, "/api/journal?device=talkative&type=disconnected", lambda page: page["rows"])

    lines = (await ask(gateway, "GET", "/api/journal/export?device=talkative&type=log")).text.splitlines()

    assert [json.loads(json.loads(line)["payload"])["message"] for line in lines] == [str(n) for n in range(2500)]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "direction=x", "before=-1", f"after={2**63}", "device="])
async def test_a_faulty_page_is_refused(gateway: GatewayProcess, query: str) -> None:
    assert_problem(await ask(gateway, "GET", f"/api/journal?{query}"), 422, "invalid")


# Tokens and enrolment


async def test_a_token_is_shown_once_used_listed_and_revoked(gateway: GatewayProcess) -> None:
    issued = await ask(gateway, "POST", "/api/tokens", json={"kind": "pico", "label": "shed", "expires_days": 1})
    token = issued.json()["token"]
    async with board_at(gateway.ws_url, "with-token", token=token) as board:
        listed = (await ask(gateway, "GET", "/api/tokens")).json()["tokens"]
        revoked = await ask(gateway, "DELETE", f"/api/tokens/{issued.json()['id']}")
        with pytest.raises(ConnectionClosed) as closed:
            await board.hear("never")

    [entry] = [entry for entry in listed if entry["id"] == issued.json()["id"]]
    assert (issued.status_code, issued.headers["cache-control"]) == (201, "no-store")
    assert (entry["label"], entry["device"], entry["state"]) == ("shed", "with-token", "live")
    assert entry["last_used"] is not None and entry["last_address"] == "127.0.0.1"
    assert token.split("_", 2)[2] not in json.dumps(listed)
    assert revoked.status_code == 204
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
    assert_problem(await ask(gateway, "DELETE", f"/api/tokens/{issued.json()['id']}"), 404, "unknown_token")
    wait_for_line(gateway.data, type="token revoked", payload=issued.json()["id"])


@pytest.mark.parametrize(
    "wanted", [{}, {"kind": "admin"}, {"kind": "pico", "label": "x" * 65}, {"kind": "pico", "device": "a b"},
               {"kind": "pico", "expires_days": 0}, {"kind": "pico", "secret": "x"}],
)  # fmt: skip
async def test_an_odd_token_is_refused(gateway: GatewayProcess, wanted: dict[str, Any]) -> None:
    assert_problem(await ask(gateway, "POST", "/api/tokens", json=wanted), 422, "invalid")


async def test_enrolment_is_opened_and_closed(gateway: GatewayProcess) -> None:
    opened = (await ask(gateway, "POST", "/api/enrolment", json={"minutes": 5})).json()
    state = (await ask(gateway, "GET", "/api/enrolment")).json()
    closed = (await ask(gateway, "DELETE", "/api/enrolment")).json()

    assert opened["is_open"] is state["is_open"] is True and 290 < state["seconds_left"] <= 300
    assert (closed["is_open"], closed["seconds_left"]) == (False, 0)
    assert f"  {state['address']}\n" in gateway.log_text()
    assert_problem(await ask(gateway, "POST", "/api/enrolment", json={"minutes": 100_000}), 422, "invalid")


# Links of cameras


async def test_a_link_of_a_camera_is_made_for_cameras_only(gateway: GatewayProcess) -> None:
    async with (
        board_at(gateway.ws_url, "a camera".replace(" ", "&"), kind="esp32cam"),
        board_at(gateway.ws_url, "no-camera"),
    ):
        made = await ask(gateway, "POST", "/api/devices/a%26camera/view-links", json={"minutes": 5})
        none = await ask(gateway, "POST", "/api/devices/no-camera/view-links")

    assert made.status_code == 201
    assert made.json()["snapshot"].startswith("/api/devices/a%26camera/snapshot.jpg?until=")
    assert 290 < made.json()["expires"] - time.time() <= 301
    assert_problem(none, 404, "not_a_camera")


# The gateway itself


async def test_settings_change_while_it_runs_and_say_which_may(gateway: GatewayProcess) -> None:
    before = (await ask(gateway, "GET", "/api/settings")).json()["settings"]
    changed = await ask(gateway, "PATCH", "/api/settings", json={"command_deadline_s": 0.2, "public_tokens": "never"})
    async with board_at(gateway.ws_url, "silent"):
        late = await ask(gateway, "POST", "/api/devices/silent/commands/anything")
    tokens = await ask(gateway, "GET", "/public/tokens")
    again = await ask(gateway, "PATCH", "/api/settings", json={"command_deadline_s": 10, "public_tokens": "window"})

    assert before["command_deadline_s"]["may_change"] and not before["allowed_hosts"]["may_change"]
    assert changed.json()["settings"]["command_deadline_s"]["value"] == 0.2
    assert_problem(late, 504, "timed_out")
    assert_problem(tokens, 403, "enrolment_closed")
    assert again.json()["settings"]["public_tokens"]["value"] == "window"
    assert (await ask(gateway, "GET", "/public/tokens")).status_code == 200


@pytest.mark.parametrize(
    "wanted", [{"allowed_hosts": "x"}, {"log_level": "loud"}, {"command_deadline_s": -1}, {"port": 1}]
)
async def test_other_settings_do_not_change(gateway: GatewayProcess, wanted: dict[str, Any]) -> None:
    assert_problem(await ask(gateway, "PATCH", "/api/settings", json=wanted), 422, "invalid")


async def test_health_and_version_tell_how_it_is(gateway: GatewayProcess) -> None:
    async with board_at(gateway.ws_url, "healthy"):
        health = (await ask(gateway, "GET", "/api/health")).json()
    version = (await ask(gateway, "GET", "/api/version")).json()

    assert (health["status"], health["journal"], health["history"]) == ("ok", "ok", "ok")
    assert health["devices_online"] >= 1 and health["links"] >= 1 and health["uptime_s"] > 0
    assert version == {"version": health["version"], "protocol": 1, "compiled": is_compiled}


async def test_metrics_count_what_happens(gateway: GatewayProcess) -> None:
    async def value(name: str, **labels: str) -> float:
        page = (await ask(gateway, "GET", "/metrics")).text
        samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
        return next((s.value for s in samples if s.name == name and s.labels == labels), 0.0)

    before = await value("darvaz_messages_total", direction="received", type="log")
    async with board_at(gateway.ws_url, "counted") as board:
        await board.say("log", message="one", level="info")
        deadline_s = time.monotonic() + _DEADLINE_S
        while await value("darvaz_messages_total", direction="received", type="log") <= before:
            assert time.monotonic() < deadline_s
            await asyncio.sleep(0.05)

        assert await value("darvaz_device_up", device="counted") == 1
        assert await value("darvaz_devices_connected", type="pico") >= 1
        assert await value("darvaz_connections_total", type="pico", result="accepted") >= 1
    await until(gateway, "/api/devices/counted", lambda device: not device["online"])
    assert await value("darvaz_device_up", device="counted") == 0


async def test_metrics_are_for_those_who_may_look() -> None:
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as gateway:
        assert_problem(await ask(gateway, "GET", "/metrics"), 401, "not_authorised")
        assert (await ask(gateway, "GET", "/health")).status_code == 200


# Every error


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PUT", "/api/devices", 405), ("POST", "/health", 405),
     ("GET", "/api/devices/a%20b", 404), ("GET", "/api/devices/%2e%2e", 404), ("GET", "/api/tokens/x", 405)],
)  # fmt: skip
async def test_every_error_is_a_problem(gateway: GatewayProcess, method: str, path: str, status: int) -> None:
    response = await ask(gateway, method, path)

    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert response.json()["status"] == status and response.json()["detail"]
    assert (status != 405) or response.headers["allow"]


async def test_what_is_not_there_is_told_with_what_is(gateway: GatewayProcess) -> None:
    nowhere = await ask(gateway, "GET", "/" + "a" * 5000)
    method = await ask(gateway, "DELETE", "/api/devices")

    assert_problem(nowhere, 404, "not_found")
    assert "/api/docs" in nowhere.json()["detail"] and len(nowhere.content) < 500
    assert_problem(method, 405, "method_not_allowed")
    assert "GET" in method.json()["detail"]


@pytest.mark.parametrize("path", ["/api/devices/", "/sign-in/"])
async def test_nobody_is_sent_to_a_host_that_a_request_names(gateway: GatewayProcess, path: str) -> None:
    response = await ask(gateway, "GET", path, headers={"Host": "evil.example"})

    assert_problem(response, 404, "not_found")
    assert "location" not in response.headers


@pytest.mark.parametrize(
    "said",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /a b HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_answered_with_a_problem(gateway: GatewayProcess, said: bytes) -> None:
    async with asyncio.timeout(_DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(said)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()

    assert head.startswith(b"HTTP/1.1 400 ") and b"content-type: application/problem+json" in head.lower()
    assert (json.loads(body)["status"], json.loads(body)["code"]) == (400, "not_http")


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [("PATCH", "/api/devices/any", {"label": "a\nb"}, "a label has no line ends and nothing that cannot be seen"),
     ("PATCH", "/api/devices/any", {"label": 5}, "label: expected a string or null, got an integer"),
     ("PATCH", "/api/devices/any", {}, "label: missing"),
     ("PATCH", "/api/settings", {"port": 1}, "'port' is not known here; known are command_deadline_s, "),
     ("POST", "/api/tokens", {"kind": "x"}, "kind: expected one of esp32cam, operator, pico, viewer"),
     ("POST", "/api/tokens", {"kind": "pico", "device": "a b"}, "device: a device id is not . or .."),
     ("POST", "/api/enrolment", {"minutes": 0}, "minutes: expected a number of more than 0"),
     ("GET", "/api/events?types=nope", None, "types: types are some of presence, forgotten, "),
     ("GET", "/api/devices/any/camera?t=1", None, "'t' is not known here; this takes no parameters"),
     ("GET", "/api/devices/any/telemetry/t?points=2001", None, "points: expected an integer of at most 2000"),
     ("GET", "/api/devices/any/telemetry/t?from=x", None, "from: expected a number")],
)  # fmt: skip
async def test_what_is_wrong_is_said_in_words_for_people(
    gateway: GatewayProcess, method: str, path: str, body: Any, sentence: str
) -> None:
    response = await ask(gateway, method, path, json=body)

    assert_problem(response, 422, "invalid")
    assert sentence in response.json()["detail"]


async def test_what_is_public_takes_any_parameter(gateway: GatewayProcess) -> None:
    assert (await ask(gateway, "GET", "/health?now=1")).status_code == 200


async def test_a_large_body_is_refused_before_it_is_read(gateway: GatewayProcess) -> None:
    assert_problem(await ask(gateway, "PATCH", "/api/settings", content=b" " * 16_385), 413, "too_large")
    assert_problem(await ask(gateway, "PATCH", "/api/settings", content=b"[" * 16_384), 400, "not_json")
