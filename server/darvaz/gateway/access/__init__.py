"""Access: who is admitted. It knows callers, tokens and time, and neither HTTP nor WebSocket."""

from darvaz.gateway.access.browser_sessions import BrowserSession
from darvaz.gateway.access.caller import Caller
from darvaz.gateway.access.credentials import redact
from darvaz.gateway.access.decisions import AccessPolicy, Admitted, AskToken, Need, Refused
from darvaz.gateway.access.enrolment import Enrolment
from darvaz.gateway.access.gate import Access
from darvaz.gateway.access.guests import SignedIn
from darvaz.gateway.access.roles import CallerLimits, Grant, Role
from darvaz.gateway.access.tokens import DEVICE_KINDS, KINDS, Issued, Token, Tokens

__all__ = [
    "DEVICE_KINDS",
    "KINDS",
    "Access",
    "AccessPolicy",
    "Admitted",
    "AskToken",
    "BrowserSession",
    "Caller",
    "CallerLimits",
    "Enrolment",
    "Grant",
    "Issued",
    "Need",
    "Refused",
    "Role",
    "SignedIn",
    "Token",
    "Tokens",
    "redact",
]
