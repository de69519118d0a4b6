"""The dashboard below a path of a real proxy: every address that it uses is relative."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from playwright.async_api import Page, expect

from darvaz.cli import cli
from tests.support import proxies
from tests.support.board import board_at
from tests.support.gateway import GatewayProcess
from tests.support.proxies import PREFIX


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess("--trusted-proxies", "127.0.0.1", "--public-tokens", "always") as running:
        yield running


@pytest.fixture(scope="module")
def address(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where browsers see the gateway, without a slash at its end."""
    with proxies.running("nginx", tmp_path_factory.mktemp("nginx"), gateway.port) as port:
        yield f"http://127.0.0.1:{port}{PREFIX}"


async def test_the_dashboard_works_below_a_path(gateway: GatewayProcess, address: str, page: Page, device: str) -> None:
    token = CliRunner().invoke(cli, ["token", "issue", "operator", "--data", str(gateway.data)]).stdout.strip()
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    await page.goto(f"{address}/")
    await page.wait_for_url("**/sign-in")
    await page.locator("#token").fill(token)
    await page.locator("#submit").click()
    await page.wait_for_url(f"{address}/")

    async with board_at(address.replace("http", "ws"), device, token=gateway.token(), telemetry={"light": {}}):
        await page.get_by_role("link", name=device).first.click()
        await expect(page.get_by_role("heading", name=device)).to_be_visible()
        # A program that all tabs share holds the streams: it finds its way too.
        health = gateway.get("/api/health", headers={"Authorization": f"Bearer {token}"}).json()
        assert health["event_clients"] >= 1
    await page.get_by_role("link", name="API").click()
    await expect(page.get_by_role("heading", name="Darvaz API")).to_be_visible()

    await page.goto(f"{address}/")
    registered = "navigator.serviceWorker.register('service-worker.js').then(({ scope }) => scope)"
    assert await page.evaluate(registered) == f"{address}/"

    assert [url for url in urls if url.startswith("http") and not url.startswith(f"{address}/")] == []
