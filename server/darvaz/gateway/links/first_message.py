"""What the first message of a link must show, and whether it does: a token, or the answer to a challenge."""

from __future__ import annotations

from darvaz.gateway.access import Admitted, AskToken, Caller, Refused
from darvaz.gateway.devices.description import Protection
from darvaz.gateway.devices.presence import Link
from darvaz.gateway.parts import Parts
from darvaz.gateway.session.events import TokenReceived

_UNASKED = Refused(401, "not_authorised", "auth has a token, or a proof that answers the challenge of the handshake")


def protection_of(scheme: str) -> Protection:
    """Returns what a listener on the network learns of a link, before it shows anything."""
    return "encrypted" if scheme == "wss" else "open"


class FirstMessage:
    """Judges the `auth` messages of one link, and notes what a listener learns by them."""

    __slots__ = ("_caller", "_challenge")

    def __init__(self, caller: Caller, decision: Admitted | AskToken) -> None:
        self._caller = caller
        # What a proof must answer, once; None if there is nothing to prove.
        self._challenge = decision.challenge if isinstance(decision, AskToken) else None

    def judge(self, link: Link, parts: Parts, shown: TokenReceived) -> Admitted | Refused:
        """Decides about a token, or about the proof that the device has the one that it named."""
        if shown.token is not None:
            if link.protection == "token_protected":
                link.protection = "open"
            return parts.access.admit_with_token(self._caller, link.kind_name, shown.token)
        challenge, self._challenge = self._challenge, None
        if challenge is None or shown.proof is None:
            return _UNASKED
        decision = parts.access.admit_with_proof(self._caller, link.kind_name, challenge, shown.proof)
        if isinstance(decision, Admitted) and link.protection == "open":
            link.protection = "token_protected"
        return decision
