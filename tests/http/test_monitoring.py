"""Monitoring: the page passes Prometheus's own check, and the examples work and use metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.test_docs import OPERATIONS_PAGE
from tests.support.app import RunningApp
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
