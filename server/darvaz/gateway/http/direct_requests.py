"""Plain requests that are answered without ASGI: a function call instead of a dozen layers and a task each.

`Direct` says which they are, and answers them. All others go on through uvicorn and the application, also those whose
body does not follow its head soon.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Protocol
from urllib.parse import unquote

from starlette.types import Scope
from uvicorn.config import Config
from uvicorn.server import ServerState

from darvaz.gateway.http.connection_slots import ConnectionSlots
from darvaz.gateway.http.json_answers import Answer, AnswerDumper
from darvaz.gateway.http.plain_connection import PlainConnection
from darvaz.gateway.http.plain_requests import PlainHead, PlainRequest, parse_begun
from darvaz.gateway.http.problems import internal_error
from darvaz.gateway.http.slow_clients import DeadlineH11, Phase

EXTENSION = "darvaz.body"
# Most clients send the body behind the head, in a segment of its own. One that takes longer has a deadline of its own.
BODY_SOON_S = 0.25
_LEAST_WAIT_S = 1.0
_MISTAKE = "= a request could not be answered: a mistake of the gateway"

log = logging.getLogger("darvaz.http")


class Direct(Protocol):
    """What answers requests without ASGI."""

    answers: AnswerDumper

    def find(self, method: str, path: str, request: PlainRequest) -> tuple[Any, dict[str, str]] | None:
        """Returns what answers a request, and the names in its path; None for what ASGI answers."""

    def begin(self, found: Any, scope: Scope, request: PlainRequest) -> Answer | Coroutine[Any, Any, Answer]:
        """Returns the answer, or what will have it; both may raise."""


class DirectRequests(DeadlineH11):
    """An HTTP connection with `direct`, which answers one request at a time; None has ASGI answer all."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        slots: ConnectionSlots,
        direct: Direct | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop, slots=slots)
        self._direct = direct
        self._plain = PlainConnection(self.conn)
        self.conn = self._plain  # type: ignore[assignment]
        self.is_lost = False
        # Answers the request that was directly begun; None while there is none.
        self._answering: asyncio.Task[None] | None = None
        # What came meanwhile, and the begin of a request whose body is awaited.
        self._later = self._begun = b""
        self._body_soon: asyncio.TimerHandle | None = None
        self._last_head: PlainHead | None = None
        # When the last direct answer was sent, by the loop's clock.
        self._answered_s = 0.0
        self._is_stopping = False

    def data_received(self, data: bytes) -> None:
        if self._answering is not None:
            self._later += data
            self.flow.pause_reading()
            return
        begun = self._take_begun()
        direct = self._direct if self._plain.is_waiting else None
        # A body in many small pieces has a deadline of its own, too.
        if direct is None or not self._begin(direct, begun + data, may_wait=not begun):
            super().data_received(begun + data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self._take_begun()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self._answering is None:
            super().shutdown()
        else:
            self._is_stopping = True

    def timeout_keep_alive_handler(self) -> None:
        """Closes a connection that was idle for long; direct answers do not set the timer again."""
        left_s = self._answered_s + self.timeout_keep_alive - self.loop.time()
        if left_s <= 0 and not self.is_answering and not self._begun:
            super().timeout_keep_alive_handler()
        else:
            self._keep_alive_for(max(left_s, _LEAST_WAIT_S))

    @property
    def is_answering(self) -> bool:
        return self._answering is not None or super().is_answering

    def _begin(self, direct: Direct, data: bytes, *, may_wait: bool) -> bool:
        """Begins to answer a request, or waits for its body, if it is one that is answered directly."""
        if self.flow.write_paused or self.access_log:
            return False
        request = parse_begun(data, self._last_head)
        if request is None:
            return False
        self._last_head = request.head
        method = request.method.decode()
        raw_path, _, query = request.target.partition(b"?")
        path = unquote(raw_path.decode())
        found = direct.find(method, path, request)
        if found is None:
            return False
        if not request.is_complete:
            if may_wait:
                self._await_body(data)
            return may_wait
        scope = {
            "type": "http", "asgi": {"version": self.asgi_version, "spec_version": "2.3"}, "http_version": "1.1",
            "server": self.server, "client": self.client, "scheme": self.scheme, "method": method, "root_path": "",
            "path": path, "raw_path": raw_path, "query_string": query, "headers": request.head.headers,
            "state": self.app_state, "extensions": {EXTENSION: self}, "path_params": found[1],
        }  # fmt: skip
        try:
            answer = direct.begin(found[0], scope, request)
        except Exception:
            log.exception(_MISTAKE)
            self._crash()
            return True
        if isinstance(answer, Coroutine):
            self._wait_for(Phase.ANSWER)
            self._answering = task = self.loop.create_task(self._answer_later(answer))
            self.tasks.add(task)
        else:
            self._send(answer)
        return True

    async def _answer_later(self, answering: Coroutine[Any, Any, Answer]) -> None:
        task = self._answering
        try:
            answer = await answering
        except Exception:
            log.exception(_MISTAKE)
            self._answering = None
            self._crash()
        else:
            self._answering = None
            self._send(answer)
        finally:
            # A callback of the task would be one more step of the event loop.
            self.tasks.discard(task)

    def _crash(self) -> None:
        self._is_stopping = True
        self._send(internal_error())

    def _send(self, answer: Answer) -> None:
        if self.is_lost or self._direct is None:
            return
        answers, common = self._direct.answers, self.server_state.default_headers
        data = answers.dump(answer, common)
        if data is None:
            log.error("= an answer has headers that cannot be sent")
            data = answers.dump(internal_error(), common)
        self.transport.write(data or b"")
        self.server_state.total_requests += 1
        if self.transport.get_write_buffer_size():
            self._start_unread()
        if self._is_stopping:
            self.transport.close()
            return
        self._answered_s = self.loop.time()
        if self._phase is not Phase.NEXT:
            self._wait_for(Phase.NEXT)
        elif self._slot is not None:
            self._slots.mark_used(self._slot)
        if self.timeout_keep_alive_task is None:
            self._keep_alive_for(self.timeout_keep_alive)
        if self._later:
            later, self._later = self._later, b""
            self.flow.resume_reading()
            self.data_received(later)

    def _await_body(self, data: bytes) -> None:
        self._begun = data
        self._set_deadline(None)
        self._phase = Phase.BODY
        if self._slot is not None:
            self._slots.mark_served(self._slot)
        self._body_soon = self.loop.call_later(BODY_SOON_S, self._stop_awaiting_body)

    def _stop_awaiting_body(self) -> None:
        """Leaves a request to uvicorn whose body is not here yet."""
        super().data_received(self._take_begun())

    def _take_begun(self) -> bytes:
        if self._body_soon is not None:
            self._body_soon.cancel()
            self._body_soon = None
        begun, self._begun = self._begun, b""
        return begun

    def _keep_alive_for(self, delay_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(delay_s, self.timeout_keep_alive_handler)
