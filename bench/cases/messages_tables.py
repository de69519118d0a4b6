"""The tables of the messages case: one for each workload, the gateway first, the others by rate."""

from __future__ import annotations

from typing import Any

from bench.samples import ratios, spread
from bench.tables import ResultTable

_TITLES = {"ping": "ping → pong", "log": "log messages, a ping after each {}"}
_COLUMNS = ("server", "messages/s", "spread", "CPU µs", "p50 µs", "p99 µs", "load CPU", "rate ratio", "CPU ratio")
# Above this the load generator may be the limit.
_LOAD_SHARE_MAX = 0.9


def tables_of(result: dict[str, Any]) -> list[ResultTable]:
    """Returns one table a workload."""
    kinds = list(dict.fromkeys((row["workload"], row["in_flight"]) for row in result["rows"]))
    tables = []
    for workload, in_flight in kinds:
        rows = [row for row in result["rows"] if (row["workload"], row["in_flight"]) == (workload, in_flight)]
        title = _TITLES[workload].format(f"{in_flight} of them")
        tables.append(_table(f"{title} · {result['links']} links · {in_flight} in flight", rows))
    if tables:
        tables[-1].notes += [f"{server}: skipped, {why}" for server, why in result["skipped"].items()]
    return tables


def _table(title: str, rows: list[dict[str, Any]]) -> ResultTable:
    rows = sorted(rows, key=lambda row: (row["server"] != "darvaz", -row["rate_per_s"]["median"]))
    table = ResultTable(title, _COLUMNS, bold={0})
    ours = rows[0] if rows[0]["server"] == "darvaz" else None
    for row in rows:
        table.rows.append(_cells(row, ours))
        share = row["load_share"]["median"]
        # If the server is idle while the generator is not, the generator is the limit.
        if share > _LOAD_SHARE_MAX and share > row["server_share"]["median"]:
            table.notes.append(f"{row['title']}: the load generator was the limit ({share:.0%} of its core)")
    if ours is not None:
        table.notes.append(_journal(ours["journal"]))
    return table


def _cells(row: dict[str, Any], ours: dict[str, Any] | None) -> tuple[str, ...]:
    rate = row["rate_per_s"]
    compared = ("", "")
    if ours is not None and row is not ours:
        faster = ratios(ours["rate_per_s"], rate)["median"]
        cheaper = ratios(row["cpu_us"], ours["cpu_us"])["median"] if ours["cpu_us"]["min"] else 0.0
        compared = (f"{faster:.2f} ×", f"{cheaper:.2f} ×")
    return (
        row["title"],
        f"{rate['median']:,.0f}",
        f"± {spread(rate) / 2:.0%}",
        f"{row['cpu_us']['median']:.2f}",
        f"{row['p50_us']['median']:,.0f}",
        f"{row['p99_us']['median']:,.0f}",
        f"{row['load_share']['median']:.0%}",
        *compared,
    )


def _journal(runs: list[dict[str, Any]]) -> str:
    rows = sum(run["expected"] for run in runs)
    troubles = [run["says"] for run in runs if run["missing"]]
    if not troubles:
        return f"journal: {rows:,} rows for what was sent and answered, none missing"
    return f"journal: {rows:,} rows expected; {'; '.join(troubles)}"
