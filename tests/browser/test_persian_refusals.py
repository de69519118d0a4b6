"""What the gateway refuses is said in Persian on a Persian page: by its code, or by what its sentence says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.support.axe import check_axe
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess

pytestmark = pytest.mark.timeout(180)
# What a sentence may have of another script: names, commands and values; and what is named as English.
ALLOWED = re.compile(
    r"\u2068[^\u2069]*\u2069|«[^»]*»|\([^()]*به انگلیسی: .*\)"
    r"|DARVAZ_\w+|Apprise|appriseit\.com/services|HTTP/1\.1|JSON|Ctrl-C|IP|WebSocket"
)
REQUESTS: list[tuple[str, str, Any, str]] = [
    ("GET", "/api/devices/nobody", None, "دروازه این دستگاه را نمی‌شناسد"),
    ("POST", "/api/devices/nobody/commands/led", {"args": {}}, "دروازه این دستگاه را نمی‌شناسد"),
    ("GET", "/api/nothing", None, "چیزی در این نشانی نیست"),
    ("PUT", "/api/devices", {}, "این کار برای این نشانی مجاز نیست"),
    ("POST", "/api/tokens", {"kind": "nothing"}, "باید یکی از این‌ها باشد"),
    ("POST", "/api/tokens", {}, "«kind» لازم است"),
    ("POST", "/api/alert-rules", {"when": "below", "device": "a", "group": "b"}, "یا دستگاه را بدهید یا گروه را"),
    ("POST", "/api/alert-rules", {"when": "below", "device": "a", "value": "t"}, "آستانه باید عدد باشد"),
    ("PUT", "/api/alert-channels/phone", {"url": "nonsense"}, "این نشانی Apprise نیست"),
    ("DELETE", "/api/alert-channels/nobody", None, "چنین راه خبررسانی‌ای نیست"),
    ("POST", "/api/rules", {"when": "below", "device": "a", "value": "t", "threshold": 1}, "یا فرمان بدهید یا پیام"),
    ("DELETE", "/api/rules/nobody", None, "قاعده‌ای با این شناسه نیست"),
    ("DELETE", "/api/tokens/nobody", None, "توکن معتبری با این شناسه نیست"),
    ("POST", "/api/people", {"name": "x", "role": "user", "grants": []}, "کاربر دست‌کم به یک اجازه نیاز دارد"),
    ("DELETE", "/api/people/nobody", None, "کسی با این شناسه نیست"),
    ("GET", "/api/rollouts/99", None, "چنین به‌روزرسانی‌ای نیست"),
]  # fmt: skip


async def open_in_persian(gateway: GatewayProcess, page: Page, path: str = "/#/") -> None:
    await page.add_init_script("localStorage.setItem('darvaz.language', 'fa')")
    await page.goto(gateway.url + path)


def english_in(text: str) -> str:
    """Returns what a sentence has in English besides names."""
    return " ".join(re.findall(r"[A-Za-z]{2,}", ALLOWED.sub("", text)))


def plain(text: str) -> str:
    """Returns a sentence without the marks that keep values apart."""
    return re.sub("[\u2068\u2069]", "", text)


async def test_each_refused_request_is_said_in_persian(gateway: GatewayProcess, page: Page) -> None:
    await open_in_persian(gateway, page)
    script = """async (requests) => {
        const { request } = await import(new URL("pages/lib/api.js", document.baseURI));
        const reasonOf = ([method, path, body]) =>
            request(method, path, body ?? undefined).then(() => "", (problem) => problem.reason);
        return Promise.all(requests.map(reasonOf));
    }"""
    reasons = await page.evaluate(script, REQUESTS)

    wrong = [
        (path, reason)
        for (_, path, _, expected), reason in zip(REQUESTS, reasons, strict=True)
        if expected not in plain(reason) or english_in(reason)
    ]
    assert wrong == []


async def test_a_board_that_refuses_a_command_is_said_in_persian_with_its_own_words(
    gateway: GatewayProcess, device: str, page: Page
) -> None:
    async with board_at(gateway.ws_url, device, commands={"warm": {}}) as board:
        await open_in_persian(gateway, page, f"/#/device/{device}")
        await page.get_by_role("button", name="اجرا: warm").click()
        command = await board.receive("command")
        await board.send("ack", id=command["id"], status="error", message="the heater is broken")

        status = page.locator("device-controls .status.failed")
        await expect(status).to_have_text("نشد: برد نپذیرفت (به انگلیسی: «the heater is broken»)")
        await check_axe(page)


async def test_a_board_that_is_refused_is_told_in_persian_where_boards_are_added(
    gateway: GatewayProcess, page: Page
) -> None:
    await open_in_persian(gateway, page, "/#/add")
    await expect(page.get_by_text("در انتظار برد تازه")).to_be_visible()
    with pytest.raises(Exception):  # noqa: B017  # the client's own exception is not what is tested
        async with board_at(gateway.ws_url, "unknown-board", token="dvz_nobody_nothing"):
            pass

    refusals = page.locator(".refusals")
    await expect(refusals).to_contain_text("توکن یا پیوند معتبری نیست")
    assert english_in(await refusals.inner_text()) == ""


async def test_a_wrong_link_and_another_refusal_are_said_in_persian_at_the_sign_in(
    gateway: GatewayProcess, page: Page
) -> None:
    await open_in_persian(gateway, page, "/sign-in#dvz_nobody_nothing")
    status = page.locator("#status")
    await expect(status).to_have_text("این پیوند یا توکن نادرست، منقضی یا باطل است.")
    await page.route("**/api/session", lambda route: route.fulfill(
        status=503, json={"code": "unavailable", "detail": "the gateway cannot use its database; its log says why"}
    ))  # fmt: skip
    await page.locator("#token").fill("dvz_nobody_nothing")
    await page.locator("#submit").click()

    await expect(status).to_have_text("دروازه نمی‌تواند پایگاه داده‌اش را به کار ببرد؛ گزارش آن علت را می‌گوید")
