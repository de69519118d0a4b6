"""Watches a board that starts and its gateway together, until the board has acknowledged a command."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx

from darvaz.boards.flashing.diagnosis import Diagnosis
from darvaz.boards.flashing.errors import FlashError, FlashOutcome
from darvaz.boards.serial import Prompt, Reason, SerialError
from darvaz.text.terminal import visible

_LISTEN_S = 0.1
_ASK_DEADLINE_S = 3.0
_COMMAND_DEADLINE_S = 20.0
_ASK_EVERY_S = 0.3
_ROWS_MAX = 100
_RAW_PROMPT = "\x04>"


class GatewayView:
    """What a gateway says of one device; a gateway that is away says nothing."""

    def __init__(self, url: str, device: str, headers: dict[str, str]) -> None:
        self.url = url.rstrip("/")
        self._device = "/api/devices/" + quote(device, safe="")
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=_ASK_DEADLINE_S, trust_env=False)
        self._newest_row: int | None = None

    def __enter__(self) -> GatewayView:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def is_there(self) -> bool:
        """Whether a Darvaz gateway answers."""
        found = self._ask("GET", "/protocol.json")
        return isinstance(found, dict) and "x-protocol" in found

    def is_taken(self) -> bool:
        """Whether something answers that is no Darvaz gateway."""
        try:
            return self._http.get("/").status_code > 0 and not self.is_there()
        except httpx.RemoteProtocolError:
            return True
        except httpx.HTTPError:
            return False

    def boot_id(self) -> str | None:
        """Returns which start of the board it knows."""
        found = self._ask("GET", self._device)
        return found.get("boot_id") if isinstance(found, dict) else None

    def is_online_since(self, boot_id: str | None) -> bool:
        """Whether the device is here, with another start than that one."""
        found = self._ask("GET", self._device)
        return isinstance(found, dict) and bool(found.get("online")) and found.get("boot_id") != boot_id

    def ask_info(self) -> dict[str, Any] | None:
        """Sends the command `info` and returns its result, or None without an acknowledgement."""
        found = self._ask("POST", self._device + "/commands/info", timeout=_COMMAND_DEADLINE_S)
        result = found.get("result") if isinstance(found, dict) and found.get("status") == "ok" else None
        return result if isinstance(result, dict) else None

    def refusals(self, kind: str) -> list[tuple[str, str]]:
        """Returns what was refused to boards of a kind since the last call, and their addresses."""
        query: dict[str, Any] = {"limit": _ROWS_MAX}
        if self._newest_row is not None:
            query["after"] = self._newest_row
        found = self._ask("GET", "/api/journal", params=query)
        rows = found.get("rows", []) if isinstance(found, dict) else []
        is_first, self._newest_row = self._newest_row is None, rows[-1]["id"] if rows else self._newest_row or 0
        wanted = [row for row in rows if row["type"] == "refused" and row["kind"] == kind]
        return [] if is_first else [(row["payload"], row["address"] or "") for row in wanted]

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._http.request(method, path, **more)
            return answer.json() if answer.is_success else None
        except (httpx.HTTPError, ValueError):
            return None


def watch(
    prompt: Prompt,
    gateway: GatewayView,
    kind: str,
    boot_id: str | None,
    *,
    wait_s: float,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Returns what the board said of itself when it was online; raises FlashError with why it is not."""
    diagnosis = Diagnosis()
    give_up_s = time.monotonic() + wait_s
    asked_s = -_ASK_EVERY_S
    gateway.refusals(kind)
    while (now_s := time.monotonic()) < give_up_s:
        _listen(prompt, diagnosis, tell)
        if now_s - asked_s >= _ASK_EVERY_S:
            asked_s = now_s
            if gateway.is_online_since(boot_id) and (info := gateway.ask_info()) is not None:
                return info
        if (verdict := diagnosis.verdict()) is not None:
            verdict = diagnosis.verdict(remedy_for(gateway)) or verdict
            raise FlashError(verdict.outcome, verdict.sentence)
    for said, address in gateway.refusals(kind):
        diagnosis.note_refusal(said, address)
    if not gateway.is_there():
        raise FlashError(FlashOutcome.NO_GATEWAY, f"the board is ready, but {remedy_for(gateway)}")
    ended = diagnosis.at_the_end(remedy_for(gateway), wait_s)
    raise FlashError(ended.outcome, ended.sentence)


def remedy_for(gateway: GatewayView) -> str:
    """Returns what to do about a gateway that a board does not reach."""
    if gateway.is_there():
        return (
            f"it runs, and answers this machine at {gateway.url}: let its port through the firewall, see that board"
            " and gateway are in the same network, and that the router does not keep guests apart; --gateway-url"
            " gives the board another address"
        )
    if gateway.is_taken():
        return (
            f"what answers at {gateway.url} is not Darvaz: another program has the port. Start the gateway on a free"
            " one (make serve ARGS='--port 3100') and say so: --gateway http://127.0.0.1:3100"
        )
    return (
        f"no gateway answers at {gateway.url}: start it with `make serve` (darvaz serve), and the board comes by"
        " itself; if it is elsewhere, say where with --gateway"
    )


def _listen(prompt: Prompt, diagnosis: Diagnosis, tell: Callable[[str], None]) -> None:
    try:
        for said in prompt.read_serial_lines(_LISTEN_S):
            # What is left of the raw prompt stands before the first words of the program.
            line = said.lstrip(_RAW_PROMPT)
            diagnosis.hear(line)
            if line.strip():
                tell(visible(line))
    except SerialError as error:
        if error.reason is not Reason.GONE:
            raise
        raise SerialError(
            Reason.GONE, f"{error}. All files are on it: with a weak supply a board goes as its radio starts"
        ) from None
