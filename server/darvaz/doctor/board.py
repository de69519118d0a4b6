"""The checks of one board, from what the gateway knows of it, without I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from darvaz.doctor import board_facts
from darvaz.doctor.board_facts import BoardFacts
from darvaz.doctor.finding import Finding, advised, failed, passed, quoted, skipped

RSSI_WEAK_DBM = -75
RSSI_LEAST_DBM = -82
# An encrypted link needs 15 KB at once, and a frame or a large message some more.
HEAP_FREE_LEAST_BYTES = 20_000
_CRASHES_SHOWN_MAX = 3
_MISSING = re.compile(r"\d+")


def check_board(facts: BoardFacts) -> Iterator[Finding]:
    """Yields the findings about a board; of one that the gateway does not know, only those that need no device."""
    for step, check in _STEPS:
        finding = check(facts)
        if facts.device is not None or check in _WITHOUT_DEVICE:
            yield replace(finding, step=step)


def _check_crashes(facts: BoardFacts) -> Finding:
    if not facts.crashes:
        return passed("no crash report is kept")
    newest = facts.crashes[0]
    shown = "; ".join(
        f"{quoted(group['title'])} ×{group['devices'].get(facts.id, group['count'])}"
        for group in facts.crashes[:_CRASHES_SHOWN_MAX]
    )
    return failed(
        f"different crashes: {len(facts.crashes)}, the last {facts.ago(newest['last_seen'])}: {shown}",
        f"`darvaz crashes {newest['id']}` shows traceback, heap and log; --forget removes one that is repaired.",
        is_final=False,
    )


def _check_program(facts: BoardFacts) -> Finding:
    program = facts.known("program") or {}
    state = program.get("state")
    if state in ("fell_back", "safe_mode"):
        what = "the last release failed" if state == "fell_back" else "the program is left out, the library runs alone"
        return failed(
            f"{what}: {quoted(program.get('reason') or 'no reason is known')}",
            f"Correct the program and deploy it again: `darvaz deploy FOLDER --to {facts.id}`.",
            is_final=False,
        )
    if state is None:
        return skipped("the board does not tell which program runs")
    release = program.get("release")
    return passed(f"{quoted(state)}, {'release ' + quoted(release) if release else 'from the cable'}")


def _check_signal(facts: BoardFacts) -> Finding:
    rssi_dbm = facts.known("rssi_dbm")
    if rssi_dbm is None:
        return skipped("the board does not tell the strength of its Wi-Fi")
    remedy = "Move the board or the access point, or turn its antenna away from metal; boards use 2.4 GHz only."
    if rssi_dbm < RSSI_LEAST_DBM:
        return failed(f"{rssi_dbm} dBm: too weak", remedy, is_final=False)
    if rssi_dbm < RSSI_WEAK_DBM:
        return advised(f"{rssi_dbm} dBm: weak", remedy)
    return passed(f"{rssi_dbm} dBm")


def _check_heap(facts: BoardFacts) -> Finding:
    free_bytes = facts.known("heap_free_bytes")
    if free_bytes is None:
        return skipped("the board does not tell its free heap")
    if free_bytes < HEAP_FREE_LEAST_BYTES:
        return failed(
            f"{free_bytes:,} bytes free",
            "Its program keeps too much: shorten lists, make buffers once, and `gc.collect()` before what is large.",
            is_final=False,
        )
    return passed(f"{free_bytes:,} bytes free")


def _check_clock(facts: BoardFacts) -> Finding:
    since = facts.known("since")
    if since is None:
        return skipped("a board gets the time when it connects")
    sets = [entry for entry in (facts.others or {}).get("clock set", ()) if entry["time"] > since]
    if sets:
        return failed(
            f"the gateway's clock was set since the board took it: {quoted(sets[-1]['payload'])}",
            f"Restart the board, `darvaz send {facts.id} reboot`, so that it takes the time again.",
            is_final=False,
        )
    return passed(f"set by the gateway {facts.ago(since)}")


def _check_encryption(facts: BoardFacts) -> Finding:
    protection = facts.known("protection")
    if protection is None:
        return skipped("it is offline")
    if protection == "encrypted":
        return passed("the link is encrypted")
    if str(facts.known("address")).startswith(("127.", "::1")):
        return passed("the link does not leave this machine")
    what = "the token is never sent, all else can be read" if protection == "token_protected" else "all can be read"
    return advised(
        f"the link is not encrypted: {what}",
        "With MicroPython 1.29 on the board and TLS-PSK at the gateway, `darvaz flash` encrypts it: docs/security.md.",
    )


def _check_update_key(facts: BoardFacts) -> Finding:
    program = facts.known("program") or {}
    if not program.get("has_key"):
        return advised(
            "the board takes no updates over the air: it told of no key", "Flash it once by cable: `darvaz flash`."
        )
    mpy = program.get("mpy")
    if mpy not in (None, facts.mpy_version):
        return failed(
            f"it loads compiled modules of version {mpy}, the gateway makes version {facts.mpy_version}",
            "Install another MicroPython: `darvaz firmware`.",
            is_final=False,
        )
    return passed("the board has a key for updates")


def _check_firmware(facts: BoardFacts) -> Finding:
    version = facts.known("version")
    if version is None:
        return skipped("the board does not tell its firmware")
    if version != facts.gateway_version:
        return advised(
            f"firmware {quoted(version)}, the gateway is {quoted(facts.gateway_version)}",
            "`darvaz flash`, or the next release over the air, brings the library of this gateway;"
            " a program of your own has a version of its own.",
        )
    return passed(f"firmware {quoted(version)}, as the gateway")


def _check_micropython(facts: BoardFacts) -> Finding:
    version = (facts.known("program") or {}).get("micropython")
    if not version:
        return skipped("the board does not tell its MicroPython")
    if _numbers(version) < _numbers(facts.micropython):
        return advised(
            f"MicroPython {quoted(version)}; {facts.micropython} is the one of this gateway",
            "`darvaz firmware` installs it, with the board on a cable.",
        )
    return passed(f"MicroPython {quoted(version)}")


def _check_lost(facts: BoardFacts) -> Finding:
    gaps = facts.of("gap")
    if not gaps:
        return passed("no message is missing in the last day")
    missing = sum(int(found[0]) for entry in gaps if (found := _MISSING.search(str(entry["payload"]))))
    return failed(
        f"{missing} messages are missing, the last {facts.ago(gaps[-1]['time'])}",
        "Report less often, or give the outbox more space: `outbox_bytes` and `outbox_flash_bytes` in config.json.",
        is_final=False,
    )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


_STEPS = (
    ("link", board_facts.check_link),
    ("ends", board_facts.check_ends),
    ("starts", board_facts.check_starts),
    ("crashes", _check_crashes),
    ("program", _check_program),
    ("signal", _check_signal),
    ("heap", _check_heap),
    ("clock", _check_clock),
    ("lost", _check_lost),
    ("namesakes", board_facts.check_namesakes),
    ("sign-ins", board_facts.check_sign_ins),
    ("encryption", _check_encryption),
    ("updates", _check_update_key),
    ("firmware", _check_firmware),
    ("micropython", _check_micropython),
)
_WITHOUT_DEVICE = (board_facts.check_link, board_facts.check_sign_ins)
