"""The access room: who is let in. It knows callers, tokens and time, and neither HTTP nor WebSocket."""

from darvaz.access.caller import Caller
from darvaz.access.decisions import AccessPolicy, Admitted, AskToken, Refused
from darvaz.access.enrolment import Enrolment
from darvaz.access.gate import Access
from darvaz.access.tokens import DEVICE_KINDS, KINDS, Issued, Token, Tokens, redact

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
    "Refused",
    "Token",
    "Tokens",
    "redact",
]
