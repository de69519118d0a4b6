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
  scrape_interval: 200ms
  scrape_timeout: 200ms
scrape_configs:
  - job_name: darvaz
    authorization:
      credentials: {token}
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""
_DEADLINE_S = 60.0
SCRAPES = 21


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


async def test_prometheus_records_the_values_of_a_board_over_many_scrapes(tmp_path: Path) -> None:
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
                url = f"http://127.0.0.1:{port}"
                await board.send("telemetry", values={"temperature": 21.5})
                found = await query(url, "darvaz_telemetry")
                device = await query(url, "darvaz_device_up == 1")
                await board.send("telemetry", values={"temperature": 22.25})
                await query(url, "darvaz_telemetry == 22.25")
                await query(url, f"count_over_time(up[5m]) >= {SCRAPES}")
                scrapes = await query(url, "sum_over_time(up[5m]) / count_over_time(up[5m])")
                series = await query(url, 'darvaz_telemetry{device="shed"}[5m]')
        finally:
            process.terminate()
            await process.wait()

    assert [(one["metric"]["name"], one["metric"]["unit"], one["value"][1]) for one in found] == [
        ("temperature", "°C", "21.5")
    ]
    assert device[0]["metric"]["device"] == "shed"
    # Each scrape was answered, and what was recorded is what the board sent, in that order.
    assert float(scrapes[0]["value"][1]) == 1
    recorded = [value for _, value in series[0]["values"]]
    assert len(series) == 1 and len(recorded) >= SCRAPES - 5
    assert recorded == sorted(recorded) and set(recorded) == {"21.5", "22.25"}
