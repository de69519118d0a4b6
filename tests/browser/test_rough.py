"""The dashboard under bad conditions: untrusted text, a gateway that stops, boards that disconnect, floods."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from typing import Any

import pytest
from playwright.async_api import Page, Response, Route, expect

from tests.support.board import Board, board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(150)
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>\u202egnp.exe\u202c \u001b[31mred'
LONG = "x" * 10_000
RUN: dict[str, dict[str, object]] = {"run": {}}
DEVICES = 200
LINES = 10_000
LINES_PER_S = 1_000
SHOWN_MAX = 300
# The requests of the program that tabs share are not those of a page.
OWN_STREAMS = "delete globalThis.SharedWorker"


async def answer(board: Board, result: Any) -> None:
    command = await board.receive("command")
    await board.send("ack", id=command["id"], status="ok", result=result)


async def test_untrusted_text_stays_text(gateway: GatewayProcess, page: Page) -> None:
    # Its own at each attempt: the log of an earlier one has the same lines.
    device = f"untrusted-{time.monotonic_ns()}"
    rules = {"text": {"type": "string", "title": "<b>bold</b>"}}
    introduction: dict[str, Any] = {"commands": {"run": rules}, "board": "<script>1</script>"}
    async with board_at(gateway.ws_url, device, **introduction) as board:
        gateway.post(f"/api/devices/{device}/commands/none")
        # Lines that come before the events begin are shown as the journal has them: long ones are cut.
        async with page.expect_response("**/api/journal?type=log*"):
            await page.goto(f"{gateway.url}/#/device/{device}")
        await board.send("log", message=HOSTILE, level="error")
        await board.send("log", message=LONG)
        await board.send("telemetry", values={"state": "<i>open</i>"})

        await expect(page.get_by_text("onerror=")).to_be_visible()
        await expect(page.get_by_text("\\u202egnp.exe\\u202c \\u001b[31mred")).to_be_visible()
        await expect(page.get_by_text("<i>open</i>")).to_be_visible()
        await expect(page.get_by_text("<b>bold</b>")).to_be_visible()
        await page.get_by_role("button", name="show all").click()
        await expect(page.get_by_text(LONG)).to_be_visible()
        await page.locator("form.control input").fill("go")
        await page.locator("form.control").get_by_role("button", name="Send").click()
        await answer(board, HOSTILE)
        await expect(page.locator(".status.done")).to_contain_text("onerror=")
        assert await page.title() == f"{device} · Darvaz"
        assert await page.locator("main img, main script, main b, main i").count() == 0


async def test_a_name_is_shown_as_it_is_written(gateway: GatewayProcess, page: Page) -> None:
    # Persian is spelt with the joiner, and "$&" is a pattern of JavaScript's replace().
    name = "$& می\u200cشود"
    async with board_at(gateway.ws_url, "named"):
        await page.goto(f"{gateway.url}/#/device/named")
        await page.get_by_label("Name").fill(name)
        await page.get_by_role("button", name="Save", exact=True).click()

        await expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        await page.reload()
        await expect(page).to_have_title(f"{name} · Darvaz")
        await page.get_by_role("button", name="Forget this board").click()
        await expect(page.get_by_role("dialog")).to_contain_text("Forget $& می\u200cشود? Its connection ends")


async def test_a_long_result_is_shown_whole_on_demand(gateway: GatewayProcess, page: Page) -> None:
    async with board_at(gateway.ws_url, "talker", commands=RUN) as board:
        await page.goto(f"{gateway.url}/#/device/talker")
        await page.get_by_role("button", name="Run").click()
        await answer(board, {"text": "x" * 2_000 + " the end"})
        await expect(page.locator(".status.done")).to_be_visible()
        await expect(page.get_by_text("the end")).to_be_hidden()

        await page.locator(".status.done summary").click()
        await page.get_by_role("button", name="show all").click()

        await expect(page.locator(".status.done")).to_contain_text('the end"')


@pytest.mark.parametrize("path", ["device/%", "device/nobody", "constructor", "nowhere"])
async def test_an_address_that_leads_nowhere_shows_a_page(gateway: GatewayProcess, page: Page, path: str) -> None:
    await page.goto(f"{gateway.url}/#/{path}")

    missing = page.get_by_text("This device does not exist, or was forgotten.")
    await expect(missing.or_(page.get_by_role("heading", name="Devices"))).to_be_visible()


async def test_an_open_page_survives_a_restart_of_the_gateway(fresh_gateway: GatewayProcess, page: Page) -> None:
    async with board_at(fresh_gateway.ws_url, "first"):
        await page.goto(fresh_gateway.url)
        await expect(page.get_by_role("link", name="first")).to_be_visible()
        await asyncio.to_thread(fresh_gateway.kill)
        await expect(page.get_by_text("The gateway does not answer.")).to_be_visible()

    await asyncio.to_thread(fresh_gateway.start)
    async with board_at(fresh_gateway.ws_url, "second"):
        await expect(page.get_by_role("link", name="second")).to_be_visible(timeout=30_000)
        await expect(page.get_by_text("The gateway does not answer.")).to_be_hidden()


async def test_a_problem_of_the_gateway_is_shown_on_every_page(fresh_gateway: GatewayProcess, page: Page) -> None:
    await asyncio.to_thread(fresh_gateway.stop)
    (fresh_gateway.data / "history.sqlite3").write_bytes(b"not a database" * 100)
    await asyncio.to_thread(fresh_gateway.start)

    await page.goto(f"{fresh_gateway.url}/#/access")

    await expect(page.get_by_text("The gateway has a problem:")).to_be_visible()
    await expect(page.get_by_text("history.sqlite3 was damaged and is now history.sqlite3.damaged-")).to_be_visible()


async def test_a_command_to_a_board_that_disconnects_fails(gateway: GatewayProcess, page: Page) -> None:
    async with board_at(gateway.ws_url, "shy", commands=RUN) as board:
        await page.goto(f"{gateway.url}/#/device/shy")
        await page.get_by_role("button", name="Run").click()
        await board.receive("command")
        await expect(page.locator(".status")).to_have_text("sent, waiting …")

    await expect(page.locator(".status")).to_contain_text("failed: shy disconnected before it answered")
    await expect(page.get_by_text("The board is offline: its controls are disabled.")).to_be_visible()
    await expect(page.get_by_role("button", name="Run")).to_be_disabled()


async def test_a_revoked_session_leads_to_the_sign_in_page(page: Page) -> None:
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as gateway:
        link = re.search(r"http://\S+/sign-in(#dvz_\S+)", gateway.log_text())
        assert link is not None
        await page.goto(f"{gateway.url}/sign-in{link[1]}")
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()

        await page.get_by_role("link", name="Access").click()
        await page.get_by_role("row", name="this browser").get_by_role("button", name="End").click()

        await expect(page.get_by_label("Link or token")).to_be_visible()
        # A link signs in once.
        await page.goto(f"{gateway.url}/sign-in{link[1]}")
        await expect(page.get_by_text("This link was used already.")).to_be_visible()


async def test_typed_text_stays_when_a_board_connects(gateway: GatewayProcess, page: Page) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for number in range(8):
            await stack.enter_async_context(board_at(gateway.ws_url, f"board-{number}"))
        await page.goto(gateway.url)
        search = page.get_by_label("Find a device")
        await search.press_sequentially("board")
        await stack.enter_async_context(board_at(gateway.ws_url, "board-late"))
        await expect(page.get_by_role("link", name="board-late")).to_be_visible()

        await page.keyboard.type("-late")

        await expect(search).to_have_value("board-late")
        await expect(page.get_by_role("listitem")).to_have_count(1)


async def test_the_focus_stays_on_a_device_while_others_connect(gateway: GatewayProcess, page: Page) -> None:
    async with board_at(gateway.ws_url, "focused"):
        await page.goto(gateway.url)
        first = page.get_by_role("link", name="focused")
        await first.focus()
        async with board_at(gateway.ws_url, "another"):
            await expect(page.get_by_role("link", name="another")).to_be_visible()

            await expect(first).to_be_focused()


async def test_readings_of_an_offline_board_have_an_age(gateway: GatewayProcess, page: Page, device: str) -> None:
    async with board_at(gateway.ws_url, device) as board:
        await page.goto(f"{gateway.url}/#/device/{device}")
        await board.send("telemetry", values={"temperature": 21.5})
        number = page.locator("figcaption", has_text="temperature")
        await expect(number).to_contain_text("temperature21.5")

    await expect(number).to_contain_text(re.compile("just now|ago"))


async def test_a_board_that_left_before_a_slow_stream_has_readings_with_an_age(
    gateway: GatewayProcess, page: Page, device: str
) -> None:
    may_begin = asyncio.Event()

    async def hold(route: Route) -> None:
        await may_begin.wait()
        await route.continue_()

    await page.add_init_script(OWN_STREAMS)
    await page.route("**/api/events*devices=*", hold)
    async with board_at(gateway.ws_url, device) as board:
        await board.send("telemetry", values={"temperature": 21.5})
        async with page.expect_request("**/api/events*devices=*"):
            await page.goto(f"{gateway.url}/#/device/{device}")
        number = page.locator("figcaption", has_text="temperature")
        await expect(number).to_contain_text("temperature21.5")
    may_begin.set()

    await expect(number).to_contain_text(re.compile("just now|ago"))


async def test_events_from_before_a_slow_stream_are_shown(gateway: GatewayProcess, page: Page, device: str) -> None:
    may_begin = asyncio.Event()

    async def hold(route: Route) -> None:
        await may_begin.wait()
        await route.continue_()

    await page.add_init_script(OWN_STREAMS)
    await page.route("**/api/events*devices=*", hold)
    async with board_at(gateway.ws_url, device) as board:
        async with page.expect_request("**/api/events*devices=*"):
            await page.goto(f"{gateway.url}/#/device/{device}")
        await expect(page.get_by_text("No readings yet.")).to_be_visible()
        await board.send("telemetry", values={"temperature": 21.5})
        await board.send("log", message="it is warm")
        await board.send("ping")
        await board.receive("pong")
        may_begin.set()

        await expect(page.locator("figcaption", has_text="temperature")).to_contain_text("temperature21.5")
        await expect(page.get_by_text("it is warm")).to_be_visible()


async def test_only_cameras_in_view_are_streamed(gateway: GatewayProcess, page: Page) -> None:
    opened: list[str] = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    await page.set_viewport_size({"width": 400, "height": 400})
    async with contextlib.AsyncExitStack() as stack:
        for number in range(10):
            await stack.enter_async_context(board_at(gateway.ws_url, f"camera-{number}", kind="esp32cam"))
        async with page.expect_websocket():
            await page.goto(f"{gateway.url}/#/cameras")
            await expect(page.locator("device-camera").first).to_be_visible()
            await expect(page.locator("camera-wall")).not_to_contain_text("null")
        assert not any("camera-9" in url for url in opened)

        async with page.expect_websocket(lambda socket: "camera-9" in socket.url):
            await page.get_by_role("link", name="camera-9").scroll_into_view_if_needed()


async def test_each_page_holds_one_stream(gateway: GatewayProcess, page: Page) -> None:
    streams: set[str] = set()
    await page.add_init_script(OWN_STREAMS)
    page.on("request", lambda sent: streams.add(sent.url) if "/api/events" in sent.url else None)
    page.on("requestfailed", lambda ended: streams.discard(ended.url))
    async with board_at(gateway.ws_url, "gate") as board, board_at(gateway.ws_url, "hedge"):
        await page.goto(f"{gateway.url}/#/device/gate")
        await board.send("log", message="it opened")
        await expect(page.get_by_text("it opened")).to_be_visible()
        assert ["devices=gate" in url for url in streams] == [True]

        await page.get_by_role("link", name="Devices", exact=True).click()
        async with board_at(gateway.ws_url, "gate-late"):
            await expect(page.get_by_role("link", name="gate-late")).to_be_visible()
            assert ["devices=" in url for url in streams] == [False]


async def test_the_list_has_what_happened_while_a_device_was_shown(gateway: GatewayProcess, page: Page) -> None:
    async with board_at(gateway.ws_url, "shown"):
        await page.goto(f"{gateway.url}/#/device/shown")
        await expect(page.get_by_role("heading", name="shown", exact=True)).to_be_visible()
        async with board_at(gateway.ws_url, "arrived-late"):
            await page.get_by_role("link", name="Devices", exact=True).click()

            await expect(page.get_by_role("link", name="arrived-late")).to_be_visible()


def is_stream_of_all(answer: Response) -> bool:
    """Whether the events of all devices begin."""
    return "/api/events?" in answer.url and "devices=" not in answer.url


async def test_a_reading_does_not_restore_an_older_state_of_its_board(gateway: GatewayProcess, page: Page) -> None:
    may_answer = asyncio.Event()
    await page.add_init_script(OWN_STREAMS)

    async def hold(route: Route) -> None:
        await may_answer.wait()
        await route.continue_()

    async with board_at(gateway.ws_url, "shed"):
        pass
    async with board_at(gateway.ws_url, "well"):
        await page.goto(f"{gateway.url}/#/device/well")
        await expect(page.get_by_text("No lines yet.")).to_be_visible()
        await page.route("**/api/devices", hold)
        async with board_at(gateway.ws_url, "shed") as board:
            # The reading comes once the page receives events of all devices: a list may be on its way before.
            async with page.expect_response(is_stream_of_all), page.expect_request("**/api/devices"):
                await page.get_by_role("link", name="Devices", exact=True).click()
            await board.send("telemetry", values={"temperature": 21.5})
            card = page.get_by_role("listitem").filter(has_text="shed")
            await expect(card).to_contain_text("21.5")
            may_answer.set()

            await expect(card).to_contain_text("Online")
            await expect(card).to_contain_text("21.5")


async def flood(board: Board, name: str) -> None:
    """Sends many lines at a steady pace."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number in range(LINES):
        await board.link.send(json.dumps({"type": "log", "level": "info", "message": f"{name} {number}"}))
        if number % 50 == 49:
            await asyncio.sleep(max(0.0, began_s + number / LINES_PER_S - loop.time()))


async def test_the_page_stays_fast_with_two_hundred_devices_and_a_thousand_lines_a_second(page: Page) -> None:
    limits = {"DARVAZ_LINKS_PER_ADDRESS_MAX": "1000", "DARVAZ_MESSAGES_PER_S_MAX": "5000"}
    with GatewayProcess(env=limits) as gateway:
        async with contextlib.AsyncExitStack() as stack:
            boards = [
                await stack.enter_async_context(board_at(gateway.ws_url, f"board-{number:03}", commands=RUN))
                for number in range(DEVICES)
            ]
            await page.goto(gateway.url)
            await expect(page.get_by_text(f"{DEVICES} online")).to_be_visible()
            await page.get_by_label("Find a device").fill("board-007")
            await expect(page.get_by_role("listitem")).to_have_count(1)
            await page.goto(f"{gateway.url}/#/device/board-007")
            await expect(page.get_by_role("heading", name="board-007")).to_be_visible()
            flooding = asyncio.create_task(flood(boards[7], "line"))
            await expect(page.locator("device-log li").first).to_be_visible()

            # Typed while lines arrive: no character is lost.
            await page.get_by_label("Only lines with").press_sequentially("no line has this", delay=20)
            await expect(page.get_by_label("Only lines with")).to_have_value("no line has this")
            await page.get_by_label("Only lines with").fill("")
            await flooding
            await expect(page.get_by_text(re.compile(f"line {LINES - 1}$"))).to_be_visible()
            assert await page.locator("device-log li").count() <= SHOWN_MAX
