"""Prometheus itself scrapes a gateway and answers queries about a board."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import httpx

from tests.support.board import board_at
from tests.support.gateway import GatewayProcess, unused_port
from tests.support.needs import missing

_CONFIG = """\
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: darvaz
    authorization:
      credentials: {token}
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""
_DEADLINE_S = 60.0


async def query(url: str, text: str) -> list[dict[str, Any]]:
    """Returns what Prometheus has for a query, once it has anything."""
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(_DEADLINE_S):
        while True:
            try:
                found = (await client.get(f"{url}/api/v1/query", params={"query": text})).json()["data"]["result"]
                if found:
                    return list(found)
            except (httpx.TransportError, ValueError):
                pass
            await asyncio.sleep(0.1)


async def test_prometheus_has_the_values_of_a_board(tmp_path: Path) -> None:
    if shutil.which("prometheus") is None:
        missing("prometheus is not installed")
    with GatewayProcess() as gateway:
        token = gateway.post("/api/tokens", json={"kind": "viewer"}).json()["token"]
        config, port = tmp_path / "prometheus.yml", unused_port()
        config.write_text(_CONFIG.format(token=token, port=gateway.port))
        options = (f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}")
        with (tmp_path / "output.txt").open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                "prometheus", *options, f"--web.listen-address=127.0.0.1:{port}", stdout=output, stderr=output
            )
        try:
            async with board_at(gateway.ws_url, "shed", telemetry={"temperature": {"unit": "°C"}}) as board:
                await board.send("telemetry", values={"temperature": 21.5})
                found = await query(f"http://127.0.0.1:{port}", "darvaz_telemetry")
                up = await query(f"http://127.0.0.1:{port}", "darvaz_device_up == 1")
        finally:
            process.terminate()
            await process.wait()

    assert [(one["metric"]["name"], one["metric"]["unit"], one["value"][1]) for one in found] == [
        ("temperature", "°C", "21.5")
    ]
    assert up[0]["metric"]["device"] == "shed"
