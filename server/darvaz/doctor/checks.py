"""The examination: the steps in their order, each timed, ended by the first failure that spoils the rest."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import httpx
from websockets.asyncio.client import ClientConnection

from darvaz.doctor import network_steps as network
from darvaz.doctor import token_steps as tokens
from darvaz.doctor import websocket_steps as talk
from darvaz.doctor.finding import Finding, skipped
from darvaz.doctor.target import Target
from darvaz.doctor.token_steps import Token

Step = Callable[[], Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined and how patiently: each step has `deadline_s`, the silent one `idle_s` before it."""

    target: Target
    token: Token | None = None
    device: str = "doctor"
    idle_s: float = 3.0
    deadline_s: float = 5.0


async def examine(patient: Patient) -> AsyncIterator[Finding]:
    """Takes every step in turn and yields its finding; steps after a final failure are skipped."""
    async with _Examination(patient) as examination:
        is_over = False
        for name, step in examination.steps():
            started_s = time.monotonic()
            finding = skipped("not reached") if is_over else await step()
            is_over = is_over or finding.is_final
            yield replace(finding, step=name, duration_ms=(time.monotonic() - started_s) * 1000)


class _Examination:
    """Carries from step to step what the earlier ones obtained: the token and the open link."""

    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self._token = patient.token
        self._link: ClientConnection | None = None
        self._resources = AsyncExitStack()
        # As a board: no proxy, no credentials of this machine, no redirections.
        self._http = httpx.AsyncClient(
            base_url=patient.target.http_url,
            timeout=patient.deadline_s,
            trust_env=False,
            follow_redirects=False,
        )

    async def __aenter__(self) -> _Examination:
        await self._resources.enter_async_context(self._http)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    def steps(self) -> list[tuple[str, Step]]:
        """Returns the steps in the order in which each rests on the one before."""
        target, deadline_s = self._patient.target, self._patient.deadline_s
        return [
            ("name", lambda: network.resolve(target, deadline_s)),
            ("port", lambda: network.open_port(target, deadline_s)),
            ("http", lambda: network.ask_health(target, self._http, deadline_s)),
            ("token", self._obtain_token),
            ("header", lambda: tokens.check_header(self._token)),
            ("handshake", self._shake_hands),
            (
                "connect",
                lambda: talk.introduce(self._open_link, self._patient.device, self._token, deadline_s),
            ),
            ("ping", lambda: talk.exchange_ping(self._open_link, deadline_s)),
            ("idle", lambda: talk.stay_silent(self._open_link, self._patient.idle_s, deadline_s)),
        ]

    @property
    def _open_link(self) -> ClientConnection:
        if self._link is None:
            raise AssertionError("a failed handshake is final, so later steps always have a link")
        return self._link

    async def _obtain_token(self) -> Finding:
        patient = self._patient
        finding, self._token = await tokens.obtain(patient.target, patient.token, self._http, patient.deadline_s)
        return finding

    async def _shake_hands(self) -> Finding:
        finding, self._link = await talk.shake_hands(self._patient.target, self._token, self._patient.deadline_s)
        if self._link is not None:
            self._resources.push_async_callback(self._link.close)
        return finding
