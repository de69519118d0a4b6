"""The tables of the messages case: one for each workload, the gateway first, the others by their speed."""

from __future__ import annotations

from typing import Any

from bench.series import ratios, spread
from bench.sheets import Sheet

_TITLES = {"ping": "ping → pong", "log": "log messages, a ping behind each {}"}
_COLUMNS = ("server", "messages/s", "spread", "CPU µs", "p50 µs", "p99 µs", "load CPU", "rate ratio", "CPU ratio")
# Beyond this the load generator may be what is measured.
_LOAD_SHARE_MAX = 0.9


def sheets_of(result: dict[str, Any]) -> list[Sheet]:
    """Returns one table a workload."""
    kinds = list(dict.fromkeys((row["workload"], row["in_flight"]) for row in result["rows"]))
    sheets = []
    for workload, in_flight in kinds:
        rows = [row for row in result["rows"] if (row["workload"], row["in_flight"]) == (workload, in_flight)]
        title = _TITLES[workload].format(f"{in_flight} of them")
        sheets.append(_sheet(f"{title} · {result['links']} links · {in_flight} in flight", rows))
    if sheets:
        sheets[-1].notes += [f"{server}: skipped, {why}" for server, why in result["skipped"].items()]
    return sheets


def _sheet(title: str, rows: list[dict[str, Any]]) -> Sheet:
    rows = sorted(rows, key=lambda row: (row["server"] != "darvaz", -row["rate_per_s"]["median"]))
    sheet = Sheet(title, _COLUMNS, bold={0})
    ours = rows[0] if rows[0]["server"] == "darvaz" else None
    for row in rows:
        sheet.rows.append(_cells(row, ours))
        share = row["load_share"]["median"]
        # A server that rests while the generator does not is not what is measured.
        if share > _LOAD_SHARE_MAX and share > row["server_share"]["median"]:
            sheet.notes.append(f"{row['title']}: the load generator was the limit ({share:.0%} of its core)")
    if ours is not None:
        sheet.notes.append(_journal(ours["journal"]))
    return sheet


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
