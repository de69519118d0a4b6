"""One flash of one board: inspect it, issue its token, copy its files, restart it, wait until it is online."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from darvaz.boards.flashing import compatibility
from darvaz.boards.flashing.configuration import (
    WifiNetwork,
    dump_config,
    is_clean,
    merge_config,
    networks_of,
    parse_config,
    setup_key,
    token_of,
)
from darvaz.boards.flashing.device_token import DeviceToken, TokenIssuer
from darvaz.boards.flashing.errors import FlashError, FlashOutcome
from darvaz.boards.flashing.firmware_files import CONFIG, MAIN, read_deployed
from darvaz.boards.flashing.installer import check_space, inspect_board, put_in_place, stage
from darvaz.boards.flashing.loader_state import STATE, flashed_state
from darvaz.boards.flashing.plan import Found, Plan, is_foreign, make_plan
from darvaz.boards.flashing.shadows import library_in_the_way, modules_in_the_way
from darvaz.boards.flashing.wait_online import GatewayView, watch
from darvaz.boards.serial import Identity, Prompt, SerialError, identify
from darvaz.client import update_requests
from darvaz.client.errors import GatewayError
from darvaz.client.synchronous import Gateway
from darvaz.protocol.device_ids import normal_id

# What protects a link → what a flash says of it.
_PROTECTIONS = {
    "encrypted": "its link is encrypted",
    "token_protected": "its link is not encrypted, but the token is never sent; MicroPython 1.29 on the board and"
    " Python 3.13 for the gateway encrypt it, or a certificate of the gateway (--tls)",
    "open": "its link is not encrypted, and sends the token; without `auth` in config.json it is not sent",
}
_DARVAZ_IN_MAIN = re.compile(rb"\bdarvaz\b")


class Reporter(Protocol):
    """Receives the progress of a flash."""

    def step(self, sentence: str) -> None:
        """A step begins, or has a result."""
        ...

    def begin_copying(self, files: int, size_bytes: int) -> None:
        """Files of this number and size are about to be copied."""
        ...

    def copied(self, path: str, size_bytes: int) -> None:
        """A part of a file of this size has arrived."""
        ...

    def end_copying(self) -> None:
        """Copying has ended, successfully or not."""
        ...

    def line(self, line: str) -> None:
        """The board has printed this line."""
        ...


@dataclass(frozen=True, slots=True)
class FlashOptions:
    """What a person has chosen; None leaves it to the board. `program` are the files of `--app`, by path there."""

    kind: str | None = None
    device: str | None = None
    network: WifiNetwork | None = None
    resets_main: bool = False
    keeps_main: bool = False
    is_source: bool = False
    wait_s: float = 60.0
    program: Mapping[str, bytes] | None = None
    owner_key: str | None = None

    @property
    def replaces_main(self) -> bool:
        """Whether another main.py than ours is set aside."""
        return self.resets_main or self.program is not None


@dataclass(frozen=True, slots=True)
class FlashEnvironment:
    """The gateway as this machine and as the board reach it, and what asks for a Wi-Fi when none is known."""

    issuer: TokenIssuer
    gateway: Gateway
    board_url: str
    ask_network: Callable[[], WifiNetwork]
    offers_psk: bool = False
    """Whether the gateway takes links at `board_url` that are encrypted with the token."""


@dataclass(frozen=True, slots=True)
class Flashed:
    """The result of a successful flash."""

    device: str
    files: int
    info: dict[str, Any]
    network: WifiNetwork | None
    set_aside: dict[str, str]
    keeps_main: bool
    left: list[str]


class Flash:
    """One run; `run` returns when the board is online, or raises FlashError or SerialError with why not."""

    def __init__(self, prompt: Prompt, options: FlashOptions, environment: FlashEnvironment, report: Reporter) -> None:
        self._prompt = prompt
        self._options = options
        self._environment = environment
        self._report = report
        self._token: DeviceToken | None = None
        self._network = options.network
        self._is_placing = self._is_config_new = False
        # Whether the board can encrypt its link without a certificate; `_check` sees.
        self._has_psk = False
        # The key of updates; None until `_prepare`, and where the gateway gives none.
        self._update_key: str | None = None
        # The key of the board's own network; None without a token.
        self._setup_key: str | None = None
        # config.json as it is on the board; empty if there is none.
        self._config_data = b""

    def run(self) -> Flashed:
        """Flashes the board and waits until it is online."""
        try:
            identity = identify(self._prompt)
            kind = self._check(identity)
            plan, found, device = self._prepare(identity, kind)
            self._install(plan, found)
        except BaseException:
            self._leave()
            raise
        return self._await_ack(GatewayView(self._environment.gateway, device), plan, kind, device)

    # Before anything is written

    def _check(self, identity: Identity) -> str:
        self._report.step(str(identity))
        self._has_psk = identity.has_psk
        kind = compatibility.kind_of(identity, self._options.kind)
        compatibility.check_board(identity, kind)
        return kind

    def _prepare(self, identity: Identity, kind: str) -> tuple[Plan, Found, str]:
        options = self._options
        wanted, why_source = read_deployed(
            kind, identity.mpy_version, is_source=options.is_source, program=options.program
        )
        if why_source is not None:
            self._report.step(f"the library is copied as source, not as .mpy: {why_source}")
        found = inspect_board(self._prompt, wanted)
        self._check_main(wanted, found)
        self._check_shadows(found)
        config = self._read_config(found)
        device = self._name(config, identity, kind)
        if self._network is None and not networks_of(config):
            self._network = self._environment.ask_network()
        self._token = DeviceToken(self._environment.issuer, kind, device, identity.unique_id)
        is_good = self._token.is_good(token_of(config))
        # A placeholder as long as a token: the space is checked before a token is issued.
        self._update_key = self._find_update_key(device)
        plan = self._plan(wanted, found, self._merged(config, device, None if is_good else "x" * 58))
        check_space(plan, found, self._prompt.free_bytes())
        token = token_of(config)
        if not is_good:
            token = self._token.issue()
            plan = self._plan(wanted, found, self._merged(config, device, token))
        self._setup_key = setup_key(token or "")
        return plan, found, device

    def _check_main(self, wanted: dict[str, bytes], found: Found) -> None:
        """Raises FlashError if main.py is a program without Darvaz, which would never come online."""
        if self._options.replaces_main or self._options.keeps_main or found.owned or not is_foreign(MAIN, found):
            return
        program = self._prompt.read_file(MAIN)
        if program != wanted[MAIN] and not _DARVAZ_IN_MAIN.search(program):
            raise FlashError(
                FlashOutcome.INCOMPATIBLE,
                "there is another program on this board, a main.py that does not use Darvaz: --reset-main puts ours in"
                " its place and keeps yours under another name, --keep-main copies the library and leaves your"
                " main.py as it is. Nothing was changed on it",
            )

    def _check_shadows(self, found: Found) -> None:
        """Raises FlashError if the board would run another library than ours; tells what hides a module of it."""
        if library := library_in_the_way(found.sizes):
            raise FlashError(
                FlashOutcome.INCOMPATIBLE,
                f"{library} on the board is another copy of the library, and MicroPython takes it first: remove it"
                f" (mpremote rm -r :{library}), and run this again. Nothing was changed on it",
            )
        for path in modules_in_the_way(found.sizes):
            self._report.step(
                f"{path} on the board takes the place of a module that the library needs: rename it if the"
                " board does not come online"
            )

    def _read_config(self, found: Found) -> dict[str, Any]:
        if CONFIG not in found.sizes:
            return {}
        self._config_data = self._prompt.read_file(CONFIG)
        config = parse_config(self._config_data)
        if config is None:
            self._report.step("config.json on the board is not JSON: it is replaced, and the old one is kept")
            self._is_config_new = True
        return config or {}

    def _name(self, config: dict[str, Any], identity: Identity, kind: str) -> str:
        there = config.get("device")
        if self._options.device is not None:
            return self._options.device
        own = normal_id(there) if isinstance(there, str) else None
        return own or f"{kind}-{identity.unique_id[-6:]}"

    def _find_update_key(self, device: str) -> str | None:
        """Returns the key with which the gateway signs updates for the board; None where it gives none."""
        try:
            key: str = self._environment.gateway.ask(update_requests.update_key(device))
        except GatewayError as error:
            self._report.step(f"the board gets no key for updates over the air: {error}")
            return None
        return key

    def _merged(self, config: dict[str, Any], device: str, token: str | None) -> bytes:
        merged = merge_config(
            config,
            device=device,
            token=token,
            network=self._network,
            gateway=_encrypted(self._environment.board_url) if self._uses_psk(config) else self._environment.board_url,
            update_key=self._update_key,
            owner_key=self._options.owner_key,
            uses_psk=self._uses_psk(config),
        )
        is_kept = merged == config and is_clean(self._config_data)
        return self._config_data if is_kept else dump_config(merged)

    def _uses_psk(self, config: dict[str, Any]) -> bool:
        """Whether the link is encrypted with the token: both ends can, and no authority was chosen to check."""
        return self._environment.offers_psk and self._has_psk and not config.get("ca")

    def _plan(self, wanted: dict[str, bytes], found: Found, config: bytes) -> Plan:
        # config.json comes before main.py, which is put in place last.
        files = {**wanted, CONFIG: config}
        merged = [CONFIG]
        if STATE in found.sizes:
            # A release that came over the air makes way for what is flashed.
            files[STATE] = flashed_state(self._prompt.read_file(STATE))
            merged.append(STATE)
        files[MAIN] = files.pop(MAIN)
        # A config.json that cannot be read is kept beside the new one.
        if self._is_config_new:
            merged.remove(CONFIG)
        return make_plan(files, found, resets_main=self._options.replaces_main, merged=merged)

    # Writing

    def _install(self, plan: Plan, found: Found) -> None:
        files = [path for path in plan.copy if path not in plan.staged]
        if files:
            self._report.begin_copying(len(files), sum(len(plan.copy[path]) for path in files))
        try:
            stage(self._prompt, plan, found, self._report.copied)
        finally:
            if files:
                self._report.end_copying()
        # From now on the board may have the new token.
        self._is_placing = True
        put_in_place(self._prompt, plan, found)

    def _leave(self) -> None:
        """After a failure: restarts the board's old program, and revokes a token that did not reach the board."""
        with contextlib.suppress(SerialError):
            self._prompt.hard_reset()
        if self._token is not None and not self._is_placing:
            with contextlib.suppress(FlashError):
                self._token.take_back()

    # Online

    def _await_ack(self, gateway: GatewayView, plan: Plan, kind: str, device: str) -> Flashed:
        boot_id = gateway.boot_id()
        self._prompt.hard_reset()
        if self._setup_key is not None:
            self._report.step(f"if it finds no Wi-Fi at first, it opens one, darvaz-…, whose key is {self._setup_key}")
        self._report.step(f"restarted; waiting for {device} at {self._environment.board_url}")
        info = watch(self._prompt, gateway, kind, boot_id, wait_s=self._options.wait_s, on_line=self._report.line)
        if self._token is not None and self._token.settle():
            self._report.step("the token that was replaced is revoked")
        if (sentence := _PROTECTIONS.get(gateway.protection() or "")) is not None:
            self._report.step(sentence)
        return Flashed(
            device=device,
            files=len(plan.copy),
            info=info,
            network=self._network,
            set_aside=plan.set_aside,
            keeps_main=plan.keeps_main,
            left=plan.left,
        )


def _encrypted(url: str) -> str:
    return "wss" + url[2:] if url.startswith("ws:") else url
