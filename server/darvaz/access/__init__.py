"""The access room: who is let in. It knows callers, tokens and time, and neither HTTP nor WebSocket."""

from darvaz.access.caller import Caller
from darvaz.access.credentials import redact
from darvaz.access.decisions import AccessPolicy, Admitted, AskToken, Need, Refused, Role
from darvaz.access.enrolment import Enrolment
from darvaz.access.gate import Access
from darvaz.access.operators import SignedIn
from darvaz.access.sessions import Session
from darvaz.access.tokens import DEVICE_KINDS, KINDS, Issued, Token, Tokens

__all__ = [
    "DEVICE_KINDS",
    "KINDS",
    "Access",
    "AccessPolicy",
    "Admitted",
    "AskToken",
    "Caller",
    "Enrolment",
    "Issued",
    "Need",
    "Refused",
    "Role",
    "Session",
    "SignedIn",
    "Token",
    "Tokens",
    "redact",
]
