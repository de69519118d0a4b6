"""Monitoring: the page passes Prometheus's own check, and the examples work and use metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from darvaz.gateway.device_metrics import escape
from darvaz.gateway.telemetry_metrics import ValueGauge, telemetry_texts
from tests.contract.test_docs import OPERATIONS_PAGE
from tests.support.app import RunningApp
from tests.support.asgi import MemoryWebSocket
from tests.support.needs import missing

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/monitoring"
NAMES = set(re.findall(r"`((?:darvaz|process)_\w+)`", OPERATIONS_PAGE))


def promtool(*arguments: str, given: str | None = None) -> str:
    """Runs promtool in the folder of the examples; fails if it finds anything wrong."""
    if shutil.which("promtool") is None:
        missing("promtool is not installed (apt install prometheus)")
    done = subprocess.run(
        ["promtool", *arguments], input=given, capture_output=True, text=True, timeout=60, cwd=EXAMPLES, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def metrics_in(query: str) -> set[str]:
    found = set(re.findall(r"\b(?:darvaz|process)_\w+", query))
    return {re.sub(r"_seconds_(bucket|sum|count)$", "_seconds", name) for name in found}


async def test_the_page_passes_the_check_of_prometheus() -> None:
    async with RunningApp() as app, app.websocket("/ws/pico") as board:
        await board.send('{"type":"connect","device":"greenhouse"}')
        await board.recv()
        page = (await app.get("/metrics")).text

    assert "darvaz_data_bytes" in page and "process_resident_memory_bytes" in page
    assert promtool("check", "metrics", given=page) == ""


async def report(board: MemoryWebSocket, **values: object) -> None:
    """Sends values, and returns once the gateway has them."""
    await board.send(json.dumps({"type": "telemetry", "values": values}))
    await board.send('{"type":"ping"}')
    while json.loads(await board.recv())["type"] != "pong":
        pass


async def test_the_newest_values_of_boards_are_metrics() -> None:
    declared = {"temperature": {"unit": "°C"}, "note": {"unit": 'a"b'}}
    async with RunningApp() as app, app.websocket("/ws/pico") as board:
        await board.send(json.dumps({"type": "connect", "device": "گلخانه", "telemetry": declared}))
        await report(board, temperature=21.5, is_open=True, note=3, mode="eco")
        page = (await app.get("/metrics")).text
        await app.ask("PATCH", "/api/devices/گلخانه", json={"hidden_from": ["metrics"]})
        hidden = (await app.get("/metrics")).text

    assert 'darvaz_telemetry{device="گلخانه",name="temperature",unit="°C"} 21.5\n' in page
    assert 'darvaz_telemetry{device="گلخانه",name="is_open",unit=""} 1.0\n' in page
    assert 'name="mode"' not in page
    assert promtool("check", "metrics", given=page) == ""
    assert "darvaz_telemetry{" not in hidden
    assert 'darvaz_device_up{device="گلخانه"}' in hidden


def test_one_value_beyond_the_maximum_is_left_out_and_counted() -> None:
    boards = [("a", [ValueGauge("x", "", 1), ValueGauge("y", "", 2)]), ("b", [ValueGauge("x", "", 3)])]

    page = b"".join(telemetry_texts(lambda: boards, escape, series_max=2)).decode()

    assert page.count("darvaz_telemetry{") == 2
    assert "darvaz_telemetry_omitted_series 1.0\n" in page


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "config", "--syntax-only", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts.test.yml"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_prometheus_accepts_the_examples(arguments: list[str]) -> None:
    promtool(*arguments)


def test_the_alerts_use_metrics_that_exist() -> None:
    queries = re.findall(r"expr: (.*)", (EXAMPLES / "alerts.yml").read_text())

    assert queries
    assert set().union(*map(metrics_in, queries)) - NAMES == set()


def test_the_dashboard_uses_metrics_that_exist_and_has_panels_of_its_own() -> None:
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]

    assert set().union(*map(metrics_in, queries)) - NAMES == set()
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert all(metrics_in(query) for query in queries)


def test_grafanas_own_types_read_the_whole_dashboard() -> None:
    # Only here: few processes need it.
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    given = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(given)))

    assert lost(given, read) == []


def lost(given: Any, read: Any, path: str = "") -> list[str]:
    """Returns the paths of what was given and is not there, or is something else."""
    if isinstance(given, dict) and isinstance(read, dict):
        return [found for key in given for found in lost(given[key], read.get(key), f"{path}/{key}")]
    if isinstance(given, list) and isinstance(read, list) and len(given) == len(read):
        return [
            found
            for number, both in enumerate(zip(given, read, strict=True))
            for found in lost(*both, f"{path}/{number}")
        ]
    return [] if given == read else [path]
