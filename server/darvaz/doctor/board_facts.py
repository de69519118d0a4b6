"""What the gateway knows of one board, and the findings of its links: online, why links ended, starts, namesakes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from darvaz.doctor import hints
from darvaz.doctor.finding import Finding, advised, failed, passed, quoted, skipped

ENDS_MAX = 5
STARTS_MAX = 5
REASONS_SHOWN_MAX = 3
# A refusal follows the introduction that it answers within this time.
ANSWER_S = 5.0
# The gateway was restarted, or the board said goodbye.
_ENDS_IN_ORDER = (1000, 1001, 1012)
_REPLACED = 4409

Entry = Mapping[str, Any]
"""A row of the journal, as the API answers it."""


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """All that the checks use; entries are those of the last day, the oldest first."""

    id: str
    device: Mapping[str, Any] | None
    """As `GET /api/devices/{device}`; None where the gateway does not know the id."""
    entries: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    """By type, those of this id."""
    others: Mapping[str, Sequence[Entry]] | None = field(default_factory=dict)
    """By type, those that name no device; None where the caller may not see them."""
    crashes: Sequence[Mapping[str, Any]] = ()
    gateway_version: str = ""
    micropython: str = ""
    """The version that `darvaz firmware` installs."""
    mpy_version: int = 0
    """Of the compiled modules that the gateway makes."""
    ago: Callable[[float], str] = str
    """Returns a time in words."""

    def of(self, type_: str) -> Sequence[Entry]:
        return self.entries.get(type_, ())

    def known(self, name: str) -> Any:
        """Returns what the gateway shows of the device; None where it does not."""
        return None if self.device is None else self.device.get(name)


def check_link(facts: BoardFacts) -> Finding:
    """Whether it is online, since when, or why not."""
    device = facts.device
    if device is None:
        return failed(
            "the gateway does not know this id",
            "`darvaz devices` shows how the ids are written. Whether a board could connect, `darvaz doctor"
            " GATEWAY:3000` tries from its network.",
        )
    if device["online"]:
        return passed(f"online, connected {facts.ago(device['since'])}, at {quoted(device['address'])}")
    ends = facts.of("disconnected")
    reason = f": {quoted(ends[-1]['payload'])}" if ends else ""
    code = _code(ends[-1]) if ends else None
    remedy = hints.of_close(code) if code not in (None, *_ENDS_IN_ORDER) else ""
    return failed(
        f"offline, last seen {facts.ago(device['last_seen'])}{reason}",
        remedy
        or "Has it power? What does its LED blink: once, it looks for its Wi-Fi; twice, for the gateway; three"
        " times, it was refused. `darvaz monitor` shows its log on a cable.",
        is_final=False,
    )


def check_ends(facts: BoardFacts) -> Finding:
    """Why its links of the last day ended."""
    ends = [entry for entry in facts.of("disconnected") if _code(entry) not in _ENDS_IN_ORDER]
    if not ends:
        return passed("no link broke in the last day")
    counted = Counter(quoted(entry["payload"]) for entry in ends).most_common(REASONS_SHOWN_MAX)
    detail = f"{len(ends)} links ended in the last day: " + "; ".join(f"{text} ×{count}" for text, count in counted)
    if len(ends) < ENDS_MAX:
        return passed(detail)
    most, _ = Counter(_code(entry) for entry in ends).most_common(1)[0]
    return failed(detail, hints.of_close(most or 0), is_final=False)


def check_starts(facts: BoardFacts) -> Finding:
    """How often it started in the last day, and what its board says why."""
    causes = {boot_id: cause for boot_id, cause in _starts(facts) if boot_id}
    last = facts.known("reset_cause")
    if not causes and last is None:
        return skipped("the board does not tell its starts")
    counted = Counter(cause or "unknown" for cause in causes.values()).most_common()
    listed = ", ".join(f"{quoted(cause)} ×{count}" for cause, count in counted)
    detail = f"starts in the last day: {len(causes)}" + (f", {listed}" if listed else "")
    is_watchdog = "watchdog" in causes.values()
    if len(causes) < STARTS_MAX and not is_watchdog:
        return passed(f"{detail}; the last one: {quoted(last or 'unknown')}")
    if is_watchdog or "watchdog" in counted[0][0]:
        remedy = (
            f"Its program blocks, or fails: `darvaz crashes --device {facts.id}` and the end of `darvaz log` say where."
        )
    elif counted[0][0] == "power_on":
        remedy = "It loses its power: try another supply and cable, and give servos and pumps a supply of their own."
    else:
        remedy = "Its program restarts it, or its reset pin does: read the last lines of `darvaz log` before a start."
    return failed(detail, remedy, is_final=False)


def check_namesakes(facts: BoardFacts) -> Finding:
    """Whether two boards have this id."""
    warnings = facts.of("two boards")
    replaced = [entry for entry in facts.of("disconnected") if _code(entry) == _REPLACED]
    addresses = {str(entry["address"]) for entry in facts.of("connect")}
    if warnings:
        return failed(
            quoted(warnings[-1]["payload"]),
            "Give one of them another id: `darvaz flash --device NAME` with the board on a cable.",
            is_final=False,
        )
    if replaced and len(addresses) > 1:
        places = quoted(", ".join(sorted(addresses)))
        return advised(
            f"links replaced each other {len(replaced)} times, from {places}",
            "If these are two boards, give one of them another id; a board that moved to another address does this"
            " once.",
        )
    return passed("no other board uses this id")


def check_sign_ins(facts: BoardFacts) -> Finding:
    """Whether the gateway refused boards with this id, or boards at its addresses."""
    if facts.others is None:
        return skipped("only an operator may see who was refused")
    refused = list(_refused_introductions(facts))
    addresses = {str(entry["address"]) for entry in facts.of("connect")}
    addresses.add(str(facts.known("address") or ""))
    at_door = [
        entry
        for entry in facts.others.get("refused", ())
        if entry["kind"] is not None and entry["address"] and entry["address"] in addresses
    ]
    if not refused and not at_door:
        return passed("none was refused in the last day")
    newest = max([*refused, *at_door], key=lambda entry: float(entry["time"]))
    places = quoted(", ".join(sorted({str(entry["address"]) for entry in (*refused, *at_door)})))
    return failed(
        f"{len(refused)} refused with this id and {len(at_door)} without one, from {places}; the last"
        f" {facts.ago(newest['time'])}: {quoted(newest['payload'])}",
        "Is its token of this device, and not revoked? `darvaz token list` shows which exist; `darvaz flash` gives the"
        " board a new one.",
        is_final=False,
    )


def _refused_introductions(facts: BoardFacts) -> Iterator[Entry]:
    """Yields the ends, which name no device, of links that introduced themselves with this id."""
    introductions = facts.of("connect")
    for end in (facts.others or {}).get("closing", ()):
        if end["device"] is None and any(
            entry["address"] == end["address"] and 0 <= end["time"] - entry["time"] <= ANSWER_S
            for entry in introductions
        ):
            yield end


def _starts(facts: BoardFacts) -> Iterator[tuple[str | None, str | None]]:
    for entry in facts.of("connect"):
        try:
            message = json.loads(entry["payload"])
            yield message.get("boot_id"), message.get("reset_cause")
        except (ValueError, AttributeError):
            continue


def _code(entry: Entry) -> int | None:
    """Returns the close code in an entry such as `closed 4408 …`."""
    words = str(entry["payload"]).split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None
