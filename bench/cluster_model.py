"""How large a cluster must be, computed from measured costs: `python -m bench.cluster_model --write` renews the page.

The costs are those of `bench.cluster_far`, on one core of a machine that did other work. Every gateway takes over the
journal and the readings of all, so one that is added carries links, and no share of the entries.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs/cluster.md"
BEGIN, END = "<!-- Computed by python -m bench.cluster_model --write -->\n", "<!-- End -->\n"

# Of a core in each second, without boards; for a report here, and for one of another gateway; for a ping.
QUIET_S, OWN_S, OTHER_S, PING_S = 0.010, 9e-6, 13e-6, 4.4e-6
# For a board that connects: here, at each other gateway, and at NATS.
CONNECT_OWN_S, CONNECT_OTHER_S = 760e-6, 200e-6
# Memory of a gateway, of a link with the system's part of it, and of a board that is known; of NATS, for each board.
GATEWAY_BYTES, LINK_BYTES, KNOWN_BYTES, NATS_BYTES = 60e6, 7_600 + 3_700, 3_200, 1_400
# A report on its way from a board, with its frame and headers; between gateways as an event, and in the journal.
REPORT_BYTES, EVENT_BYTES, ENTRY_BYTES = 130, 110, 15
# How full a core may be, so that a second gateway may die.
FULL = 0.6
# Links of one gateway: what its reconnecting takes is measured up to here.
LINKS_MAX = 100_000
PING_EVERY_S, EVENTS_PER_S, HEARTBEATS_PER_S, RECORDS_PER_S = 120.0, 20.0, 1.0, 4.0
RECORD_CHARS, ENTRY_CHARS = 100_000, 100
NODES_MAX = 64
CASES = (
    (1_000, 10.0),
    (10_000, 10.0),
    (20_000, 10.0),
    (100_000, 10.0),
    (100_000, 60.0),
    (1_000_000, 60.0),
    (1_000_000, 10.0),
)


@dataclass(frozen=True)
class Size:
    """A cluster for some boards, each of which reports every few seconds."""

    boards: int
    every_s: float
    nodes: int

    @property
    def links(self) -> float:
        """Links of a gateway."""
        return self.boards / self.nodes

    @property
    def reports_per_s(self) -> float:
        return self.boards / self.every_s

    @property
    def core(self) -> float:
        """The part of a core that a gateway needs."""
        own = self.links * (OWN_S / self.every_s + PING_S / PING_EVERY_S)
        return QUIET_S + own + (self.boards - self.links) / self.every_s * OTHER_S

    @property
    def gateway_bytes(self) -> float:
        """Memory of a gateway."""
        return GATEWAY_BYTES + self.links * LINK_BYTES + self.boards * KNOWN_BYTES

    @property
    def in_bytes_per_s(self) -> float:
        """What a gateway receives, of its boards and of the others."""
        others = self.reports_per_s * (1 - 1 / self.nodes) * (EVENT_BYTES + ENTRY_BYTES)
        return self.links / self.every_s * REPORT_BYTES + others

    @property
    def nats_per_s(self) -> float:
        """Messages that NATS takes and hands on."""
        records = max(RECORDS_PER_S, self.reports_per_s / self.nodes * ENTRY_CHARS / RECORD_CHARS)
        return self.nodes**2 * (HEARTBEATS_PER_S + EVENTS_PER_S + records)

    @property
    def journal_bytes_per_day(self) -> float:
        """What the journal of each gateway grows by."""
        return self.reports_per_s * ENTRY_BYTES * 86_400

    @property
    def storm_s(self) -> float:
        """How long a core of each gateway works until all boards are back that lost power together."""
        return self.links * CONNECT_OWN_S + (self.boards - self.links) * CONNECT_OTHER_S


def smallest(boards: int, every_s: float) -> Size | None:
    """Returns the smallest cluster that can do with one gateway less; None if no number of gateways can."""
    for nodes in range(2, NODES_MAX + 1):
        size, without = Size(boards, every_s, nodes), Size(boards, every_s, nodes - 1)
        if size.core <= FULL and without.core <= 1 and size.links <= LINKS_MAX:
            return size
    return None


def table() -> str:
    """Returns the table of the page."""
    lines = [
        "| boards | a report every | nodes | of a core, each | memory, each | received, each | NATS messages/s |"
        " memory of NATS | journal a day, each | after a power cut |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for boards, every_s in CASES:
        size = smallest(boards, every_s)
        cells = [f"{boards:,}", f"{every_s:g} s", *(["no number", *"–" * 7] if size is None else _cells(size))]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cells(size: Size) -> list[str]:
    return [
        str(size.nodes), f"{size.core * 100:.0f} %", _bytes(size.gateway_bytes), f"{_bytes(size.in_bytes_per_s)}/s",
        f"{size.nats_per_s:,.0f}", _bytes(size.boards * NATS_BYTES), _bytes(size.journal_bytes_per_day),
        f"{math.ceil(size.storm_s)} s",
    ]  # fmt: skip


def _bytes(count: float) -> str:
    for unit, of in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= of:
            return f"{count / of:.2g} {unit}" if count < 10 * of else f"{count / of:.0f} {unit}"
    return f"{count:.0f} B"


def renewed(page: str) -> str:
    """Returns the page with the table as it is computed now."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def main() -> int:
    """Prints the table, or writes it into the page; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write it into docs/cluster.md")
    if parser.parse_args().write:
        PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(table(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
