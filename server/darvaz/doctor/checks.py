"""The checks: the steps in order, each timed; the first failure that makes the others pointless ends them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import httpx
from websockets.asyncio.client import ClientConnection

from darvaz.doctor import network_steps, token_steps, websocket_steps
from darvaz.doctor.finding import Finding, skipped
from darvaz.doctor.target import GatewayTarget
from darvaz.doctor.token_steps import SourcedToken
from darvaz.text.certificates import trusting_context

Step = Callable[[], Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """What to check, and how: each step has `deadline_s`, the silent one `idle_s` before it."""

    target: GatewayTarget
    token: SourcedToken | None = None
    device: str = "doctor"
    idle_s: float = 3.0
    deadline_s: float = 5.0


async def run_checks(options: DoctorOptions) -> AsyncIterator[Finding]:
    """Runs the steps in order and yields the finding of each; steps after a final failure are skipped."""
    async with _Checks(options) as checks:
        is_over = False
        for name, step in checks.steps():
            started_s = time.monotonic()
            finding = skipped("not reached") if is_over else await step()
            is_over = is_over or finding.is_final
            yield replace(finding, step=name, duration_ms=(time.monotonic() - started_s) * 1000)


class _Checks:
    """Keeps the results of earlier steps for later ones: the token and the open link."""

    def __init__(self, options: DoctorOptions) -> None:
        self._options = options
        self._token = options.token
        self._link: ClientConnection | None = None
        self._resources = AsyncExitStack()
        # Like a board: no proxy, no credentials of this machine, no redirects.
        self._http = httpx.AsyncClient(
            base_url=options.target.http_url,
            timeout=options.deadline_s,
            trust_env=False,
            follow_redirects=False,
            verify=trusting_context() if options.target.is_secure else False,
        )

    async def __aenter__(self) -> _Checks:
        await self._resources.enter_async_context(self._http)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    def steps(self) -> list[tuple[str, Step]]:
        """Returns the steps in an order in which each needs only those before it."""
        target, deadline_s = self._options.target, self._options.deadline_s
        return [
            ("name", lambda: network_steps.resolve(target, deadline_s)),
            ("port", lambda: network_steps.open_port(target, deadline_s)),
            ("http", lambda: network_steps.ask_health(target, self._http, deadline_s)),
            ("token", self._obtain_token),
            ("header", lambda: token_steps.check_header(self._token)),
            ("handshake", self._shake_hands),
            (
                "connect",
                lambda: websocket_steps.introduce(self._open_link, self._options.device, self._token, deadline_s),
            ),
            ("ping", lambda: websocket_steps.exchange_ping(self._open_link, deadline_s)),
            ("idle", lambda: websocket_steps.stay_silent(self._open_link, self._options.idle_s, deadline_s)),
        ]

    @property
    def _open_link(self) -> ClientConnection:
        if self._link is None:
            raise AssertionError("a failed handshake is final, so later steps always have a link")
        return self._link

    async def _obtain_token(self) -> Finding:
        options = self._options
        finding, self._token = await token_steps.obtain(options.target, options.token, self._http, options.deadline_s)
        return finding

    async def _shake_hands(self) -> Finding:
        finding, self._link = await websocket_steps.shake_hands(
            self._options.target, self._token, self._options.deadline_s
        )
        if self._link is not None:
            self._resources.push_async_callback(self._link.close)
        return finding
