"""Watches a board that starts and its gateway together, until the board has acknowledged a command."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from darvaz.boards.flashing.diagnosis import Diagnosis
from darvaz.boards.flashing.errors import FlashError, FlashOutcome
from darvaz.boards.serial import Prompt, Reason, SerialError
from darvaz.client import requests
from darvaz.client.errors import GatewayError, Unreachable
from darvaz.client.requests import ApiRequest
from darvaz.client.synchronous import Gateway
from darvaz.client.types import DeviceInfo, JournalEntry
from darvaz.text.terminal import visible

_LISTEN_S = 0.1
_ASK_DEADLINE_S = 3.0
_COMMAND_DEADLINE_S = 20.0
_ASK_EVERY_S = 0.3
_ENTRIES_MAX = 100
_RAW_PROMPT = "\x04>"


class GatewayView:
    """One device as its gateway knows it; while the gateway is away, nothing is known."""

    def __init__(self, gateway: Gateway, device: str) -> None:
        self._gateway = gateway
        self._device = device
        # The id of the newest entry that `refusals` has read; None before its first call.
        self._newest_id: int | None = None

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self._gateway.url

    def is_there(self) -> bool:
        """Whether a Darvaz gateway answers."""
        return self._ask(requests.protocol()) is not None

    def is_taken(self) -> bool:
        """Whether something answers that is not a Darvaz gateway."""
        try:
            self._gateway.ask(ApiRequest("GET", "/", is_raw=True, deadline_s=_ASK_DEADLINE_S))
        except Unreachable as error:
            answers = error.status > 0 or error.is_taken
        except GatewayError:
            answers = True
        else:
            answers = True
        return answers and not self.is_there()

    def boot_id(self) -> str | None:
        """Returns which start of the board the gateway knows."""
        info: DeviceInfo | None = self._ask(requests.device(self._device))
        return info["boot_id"] if info else None

    def is_online_since(self, boot_id: str | None) -> bool:
        """Whether the device is online, after another start than that one."""
        info: DeviceInfo | None = self._ask(requests.device(self._device))
        return info is not None and info["online"] and info["boot_id"] != boot_id

    def protection(self) -> str | None:
        """Returns what protects the link of the device; None if the gateway does not say."""
        info: DeviceInfo | None = self._ask(requests.device(self._device))
        return info.get("protection") if info else None

    def ask_info(self) -> dict[str, Any] | None:
        """Sends the command `info` and returns its result, or None without an acknowledgement."""
        result = self._ask(requests.command(self._device, "info", {}), _COMMAND_DEADLINE_S)
        return result if isinstance(result, dict) else None

    def refusals(self, kind: str) -> list[tuple[str, str]]:
        """Returns the refusals of boards of a kind since the last call: the reason and the address of each."""
        found: list[JournalEntry] = self._ask(requests.journal(_ENTRIES_MAX, after=self._newest_id)) or []
        is_first = self._newest_id is None
        self._newest_id = found[-1]["id"] if found else self._newest_id or 0
        refused = [entry for entry in found if entry["type"] == "refused" and entry["kind"] == kind]
        return [] if is_first else [(entry["payload"], entry["address"] or "") for entry in refused]

    def _ask(self, request: ApiRequest, deadline_s: float = _ASK_DEADLINE_S) -> Any:
        try:
            return self._gateway.ask(replace(request, deadline_s=deadline_s))
        except GatewayError:
            return None


def watch(
    prompt: Prompt,
    gateway: GatewayView,
    kind: str,
    boot_id: str | None,
    *,
    wait_s: float,
    on_line: Callable[[str], None],
) -> dict[str, Any]:
    """Returns the result of the board's `info` once it is online; raises FlashError with why it is not."""
    diagnosis = Diagnosis()
    give_up_s = time.monotonic() + wait_s
    asked_s = -_ASK_EVERY_S
    gateway.refusals(kind)
    while (now_s := time.monotonic()) < give_up_s:
        _listen(prompt, diagnosis, on_line)
        if now_s - asked_s >= _ASK_EVERY_S:
            asked_s = now_s
            if gateway.is_online_since(boot_id) and (info := gateway.ask_info()) is not None:
                return info
        if (verdict := diagnosis.verdict()) is not None:
            verdict = diagnosis.verdict(remedy_for(gateway)) or verdict
            raise FlashError(verdict.outcome, verdict.sentence)
    for reason, address in gateway.refusals(kind):
        diagnosis.note_refusal(reason, address)
    if not gateway.is_there():
        raise FlashError(FlashOutcome.NO_GATEWAY, f"the board is ready, but {remedy_for(gateway)}")
    ended = diagnosis.at_the_end(remedy_for(gateway), wait_s)
    raise FlashError(ended.outcome, ended.sentence)


def remedy_for(gateway: GatewayView) -> str:
    """Returns what to do about a gateway that a board does not reach."""
    if gateway.is_there():
        return (
            f"it runs, and answers this machine at {gateway.url}: let its port through the firewall, see that board"
            " and gateway are in the same network, and that the router does not isolate its guests; --gateway-url"
            " gives the board another address"
        )
    if gateway.is_taken():
        return (
            f"what answers at {gateway.url} is not Darvaz: another program has the port. Start the gateway on a free"
            " one (make serve ARGS='--port 3100'), and name it with --gateway http://127.0.0.1:3100"
        )
    return (
        f"no gateway answers at {gateway.url}: start it with `make serve` (darvaz serve), and the board connects by"
        " itself; if it is elsewhere, name it with --gateway"
    )


def _listen(prompt: Prompt, diagnosis: Diagnosis, on_line: Callable[[str], None]) -> None:
    try:
        for text in prompt.read_serial_lines(_LISTEN_S):
            # The raw prompt may be in front of the program's first line.
            line = text.lstrip(_RAW_PROMPT)
            diagnosis.note_line(line)
            if line.strip():
                on_line(visible(line))
    except SerialError as error:
        if error.reason is not Reason.GONE:
            raise
        raise SerialError(
            Reason.GONE, f"{error}. All files are on it: with a weak supply a board vanishes as its radio starts"
        ) from None
