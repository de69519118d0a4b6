"""The dashboard's files: small, cached by their content, and nothing from another host."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import Page, Response, expect

from tests.support.gateway import GatewayProcess

WEIGHT_BYTES_MAX = 150 * 1024
FOLDER = Path(__file__).parents[2] / "server" / "darvaz" / "gateway" / "dashboard"
FILES = [file for file in FOLDER.rglob("*") if file.suffix in (".html", ".js", ".css", ".svg")]


async def test_the_whole_page_weighs_less_than_150_kb(gateway: GatewayProcess, page: Page) -> None:
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response) if "/api/" not in response.url else None)
    await page.goto(gateway.url)
    await expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    # The browser loads the icon at a time of its own.
    await page.wait_for_load_state("networkidle")

    weights = {response.url: len(await response.body()) for response in responses}
    assert len(weights) >= len([file for file in FILES if file.parent.name != "sign-in" and file.name != "plain.css"])
    assert {url for url in weights if not url.startswith(gateway.url)} == set()
    assert sum(weights.values()) <= WEIGHT_BYTES_MAX


def test_no_file_names_another_host() -> None:
    for file in FILES:
        hosts = set(re.findall(r"https?://[^/\s\"'`$]+", file.read_text(encoding="utf-8")))
        assert hosts <= {"http://www.w3.org"}, file.name


def test_a_file_that_a_browser_has_is_not_sent_again(gateway: GatewayProcess) -> None:
    first = gateway.get("/pages/app.js")
    again = gateway.get("/pages/app.js", headers={"If-None-Match": first.headers["etag"]})
    other = gateway.get("/pages/app.js", headers={"If-None-Match": '"something else"'})

    assert (first.status_code, again.status_code, other.status_code) == (200, 304, 200)
    assert (first.headers["cache-control"], again.content) == ("no-cache", b"")


async def test_the_page_of_the_api_leads_back_to_the_dashboard(gateway: GatewayProcess, page: Page) -> None:
    await page.goto(gateway.url)
    await page.get_by_role("link", name="API").click()
    await expect(page.get_by_role("heading", name="Darvaz API")).to_be_visible()

    await page.get_by_role("link", name="dashboard").click()

    await expect(page.get_by_role("heading", name="Devices")).to_be_visible()
