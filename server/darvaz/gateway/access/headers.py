"""What a caller shows in `Authorization`: a token, a token as a password, or the password of a proxy in front."""

from __future__ import annotations

import base64
import binascii

from darvaz.gateway.access.caller import Caller

# Schemes in which proxies ask for a password of their own.
_PROXY_SCHEMES = ("basic", "digest", "negotiate", "ntlm")
_TOKEN_START = "dvz_"


def bearer_of(caller: Caller) -> str:
    """Returns the token of a well-formed header, else "", which is checked like a wrong token."""
    if caller.has_query_token:
        return ""
    scheme, text = _split(caller)
    return text if scheme == "bearer" else ""


def basic_password(caller: Caller) -> str | None:
    """Returns the password of a Basic header, "" of a malformed one, None of another scheme."""
    scheme, text = _split(caller)
    if scheme != "basic":
        return None
    if caller.has_query_token:
        return ""
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def is_of_proxy(caller: Caller) -> bool:
    """Whether the header has a password that is not a token, and so not an attempt to guess one."""
    if _split(caller)[0] not in _PROXY_SCHEMES:
        return False
    return not (basic_password(caller) or "").startswith(_TOKEN_START)


def _split(caller: Caller) -> tuple[str, str]:
    scheme, _, text = (caller.authorization or "").partition(" ")
    return scheme.lower(), text.strip()
