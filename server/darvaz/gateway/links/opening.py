"""Opens the links of boards: decides about a handshake, and accepts or denies it, without waiting for anything.

A board's plain request goes from the connection straight to `BoardUpgrades`; what ASGI would have called, one layer
after another in a task of its own, took a fifth of the time in which a board is let in.
"""

from __future__ import annotations

import logging

from darvaz.gateway.access import AskToken, Caller, Refused
from darvaz.gateway.access.challenge import CHALLENGE_HEADER
from darvaz.gateway.access.decisions import Admitted
from darvaz.gateway.access.networks import network_of
from darvaz.gateway.http.callers import read_caller
from darvaz.gateway.http.problems import problem
from darvaz.gateway.links.link import DeviceLink
from darvaz.gateway.links.shared import LinkContext
from darvaz.gateway.parts import Parts
from darvaz.gateway.websocket.handshake import Headers, Request
from darvaz.gateway.websocket.interface import UnansweredConnection
from darvaz.protocol.codec import Kind

log = logging.getLogger("darvaz.link")

# Of all links, those that are not for clients without a token.
RESERVED_PART = 0.125
_BUSY_RETRY_S, _RESTART_RETRY_S = 10.0, 1.0


class LinkOpener:
    """Opens a link for each board of one kind."""

    def __init__(self, parts: Parts, kind: Kind) -> None:
        self._parts = parts
        self._kind = kind
        self._context = LinkContext(kind, parts)

    def decide(self, caller: Caller) -> Admitted | AskToken | Refused:
        """Decides about a handshake, and counts a refusal."""
        decision = self._refuse_link(caller) or self._parts.access.admit_device(caller, self._kind.name)
        if isinstance(decision, AskToken):
            decision = self._refuse_stranger(caller) or decision
        if isinstance(decision, Refused):
            self._parts.refusals.record(self._kind.name, caller.address, f"{decision.status} {decision.code}")
            self._parts.metrics.count_refused(decision.code, self._kind.name)
        return decision

    def open(
        self, connection: UnansweredConnection, caller: Caller, decision: Admitted | AskToken, scheme: str
    ) -> None:
        """Accepts a handshake; the connection calls the link from now on."""
        headers: Headers = []
        if isinstance(decision, AskToken) and decision.header is not None:
            headers.append((CHALLENGE_HEADER.encode(), decision.header.encode()))
        link = DeviceLink(self._context, caller, decision, scheme)
        connection.accept(headers, None)
        link.open(connection)

    def _refuse_link(self, caller: Caller) -> Refused | None:
        counts, settings = self._parts.link_counts, self._parts.settings
        if self._parts.cluster.is_leaving:
            return Refused(503, "restarting", "the gateway is restarting: connect again soon", _RESTART_RETRY_S)
        if counts.total >= settings.links_max:
            return Refused(503, "too_many_links", "the limit of links is reached", _BUSY_RETRY_S)
        if counts.of(network_of(caller.address)) >= settings.links_per_address_max:
            return Refused(429, "too_many_links", "too many links from this address", _BUSY_RETRY_S)
        return None

    def _refuse_stranger(self, caller: Caller) -> Refused | None:
        """Keeps some links for boards with a valid token, and for networks from which one came before."""
        free = self._parts.settings.links_max - self._parts.link_counts.total
        is_known = network_of(caller.address) in self._parts.access.rules.known
        if is_known or free > self._parts.settings.links_max * RESERVED_PART:
            return None
        return Refused(503, "too_many_links", "the links that are left are for known boards", _BUSY_RETRY_S)


class BoardUpgrades:
    """Answers handshakes at the paths of boards that no proxy has passed on; all others are for the application."""

    def __init__(self, parts: Parts) -> None:
        # Below the gateway's own base path, which the application takes away, may be another path.
        base = parts.settings.public.path
        kinds = [kind for kind in parts.protocol.kinds.values() if not (base and kind.path.startswith(f"{base}/"))]
        self._openers = {kind.path.encode(): LinkOpener(parts, kind) for kind in kinds}

    def answer(self, connection: UnansweredConnection, request: Request, address: str | None, scheme: str) -> bool:
        """Answers a handshake of this address, or returns false."""
        opener = self._openers.get(request.raw_path)
        if opener is None:
            return False
        caller = read_caller(address, request.headers, request.query_string)
        if caller.is_forwarded:
            return False
        decision = opener.decide(caller)
        if isinstance(decision, Refused):
            answer = problem(decision.status, decision.code, decision.message, decision.retry_after_s)
            connection.deny(answer.status_code, answer.raw_headers, bytes(answer.body))
        else:
            opener.open(connection, caller, decision, scheme)
        return True
