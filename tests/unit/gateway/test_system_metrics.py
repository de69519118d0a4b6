"""Metrics of the gateway itself: what it waits for and loses, its files, its event loop and its connections."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from darvaz.gateway import system_metrics
from darvaz.gateway.http.connection_slots import PENDING_PER_NETWORK_MAX, ConnectionSlots
from darvaz.gateway.system_metrics import (
    CertificateCollector,
    ConnectionCollector,
    DataUse,
    LoopLag,
    SystemCollector,
    process_collector,
)

DEADLINE_S = 10.0


class Writer:
    """What the metrics read of a writer."""

    def __init__(self, name: str, state: str = "ok", waiting: int = 0, lost: int = 0) -> None:
        self.name, self.state, self.waiting, self.lost = name, state, waiting, lambda: lost


class Connection:
    def cut_off(self) -> None: ...


def values(collector: Collector) -> dict[tuple[str, str], float]:
    """Returns the samples of a collector by name and value of its label."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def test_a_writer_that_fails_shows_what_waits_and_what_was_lost(tmp_path: Path) -> None:
    writers = [Writer("journal"), Writer("uses of tokens", "degraded: the disk is full", waiting=7, lost=3)]

    found = values(SystemCollector(lambda: writers, {"journal": lambda: 2}, lambda: 1, DataUse(tmp_path, {})))

    assert found["darvaz_writer_up", "journal"] == 1
    assert found["darvaz_writer_up", "uses_of_tokens"] == 0
    assert found["darvaz_writer_waiting", "uses_of_tokens"] == 7
    assert found["darvaz_writer_dropped_total", "uses_of_tokens"] == 3
    assert found["darvaz_queries_waiting", "journal"] == 2
    assert found["darvaz_problems", ""] == 1


async def test_the_sizes_are_those_of_the_files_at_each_look(tmp_path: Path) -> None:
    use = DataUse(tmp_path, {"journal": "darvaz.sqlite3*", "records": "records-*.log"})
    (tmp_path / "darvaz.sqlite3").write_bytes(b"12345")
    (tmp_path / "darvaz.sqlite3-wal").write_bytes(b"678")

    await use.refresh()

    assert use.sizes_bytes == {"journal": 8, "records": 0}
    assert use.free_bytes is not None and use.free_bytes > 0


async def test_a_disk_that_hangs_holds_up_the_page_for_the_deadline_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = DataUse(tmp_path, {})
    looks = 0
    release = asyncio.Event()

    async def hang() -> None:
        nonlocal looks
        looks += 1
        await release.wait()

    monkeypatch.setattr(system_metrics, "DATA_DEADLINE_S", 0.01)
    monkeypatch.setattr(asyncio, "to_thread", lambda function: hang())

    await use.refresh()
    await use.refresh()
    release.set()

    # The second page does not begin another look.
    assert (looks, use.free_bytes) == (1, None)


async def test_an_event_loop_that_stands_still_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_metrics, "LAG_EVERY_S", 0.01)
    measured: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    lag = LoopLag()
    lag.start()
    monkeypatch.setattr(lag.histogram, "observe", measured.set_result)
    await asyncio.sleep(0)

    asyncio.get_running_loop().call_soon(time.sleep, 0.05)
    late_s = await asyncio.wait_for(measured, DEADLINE_S)
    await lag.close()

    assert late_s > 0.02


def test_connections_beyond_a_limit_are_counted_by_reason() -> None:
    slots = ConnectionSlots(10.0)
    for _ in range(PENDING_PER_NETWORK_MAX + 2):
        slots.enter("192.0.2.1", Connection())

    found = values(ConnectionCollector(lambda: slots.total, slots.rejections))

    assert found["darvaz_http_connections", ""] == PENDING_PER_NETWORK_MAX
    assert found["darvaz_http_connections_cut_off_total", "no_request"] == 2


def test_a_certificate_whose_end_is_not_known_has_no_value() -> None:
    name = "darvaz_certificate_expiry_timestamp_seconds"

    assert values(CertificateCollector(lambda: 1_900_000_000.0))[name, ""] == 1_900_000_000
    assert values(CertificateCollector(lambda: None)) == {}


def test_the_process_has_memory_files_and_processor_time() -> None:
    found = values(process_collector())

    assert found["process_resident_memory_bytes", ""] > 1_000_000
    assert found["process_open_fds", ""] > 0
    assert ("process_cpu_seconds_total", "") in found
