"""The dashboard shows which links are encrypted, and which protect the token only."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.support.board_process import BoardProcess
from tests.support.newer_python import NewerGateway

pytestmark = pytest.mark.timeout(120)


async def test_an_encrypted_link_has_a_lock_and_the_page_of_a_board_says_more(page: Page, tmp_path: Path) -> None:
    with NewerGateway() as gateway:
        hidden = {"device": "hidden", "token": gateway.token(), "psk": True}
        plain = {"device": "plain", "token": gateway.token()}
        address = f"wss://127.0.0.1:{gateway.port}"
        with (
            BoardProcess(tmp_path / "hidden", address, config=hidden) as encrypted,
            BoardProcess(tmp_path / "plain", gateway.ws_url, config=plain) as other,
        ):
            encrypted.expect("CONNECTED 1 ")
            other.expect("CONNECTED 1 ")
            await page.goto(gateway.url)
            cards = page.get_by_role("listitem")
            await expect(cards.filter(has_text="hidden").get_by_role("img", name="encrypted")).to_be_visible()
            await expect(cards.filter(has_text="plain").get_by_role("img", name="encrypted")).to_have_count(0)

            await page.goto(f"{gateway.url}/#/device/hidden")
            await expect(page.get_by_text("encrypted", exact=True)).to_be_visible()
            await page.goto(f"{gateway.url}/#/device/plain")
            await expect(page.get_by_text("not encrypted; the token is not sent")).to_be_visible()
