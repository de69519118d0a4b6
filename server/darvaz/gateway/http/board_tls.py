"""TLS without certificates, for boards: the key is made from the token of the device (TLS-PSK, RFC 4279 and 5489)."""

from __future__ import annotations

import hmac
import logging
import ssl
from collections.abc import Callable
from typing import Any

log = logging.getLogger("darvaz.http")

# With forward secrecy where the board can.
CIPHERS = "ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES128-CBC-SHA256:PSK-AES128-GCM-SHA256:PSK-AES256-GCM-SHA384"
_LABEL = b"darvaz tls-psk"
# The suites of RFC 4279, 4785, 5487, 5489, 6655 and 7905 whose key is a shared one, by their two bytes.
_SUITES = frozenset(
    [*range(0x2C, 0x2F), *range(0x8A, 0x96), *range(0xA8, 0xBA), *range(0xC033, 0xC03C), *range(0xCCAB, 0xCCAF)]
)
# Of a record and a handshake message (RFC 5246, sections 6.2.1 and 7.4): heads, version, random.
_SESSION_AT = 5 + 4 + 2 + 32


def make_psk_context(key_of: Callable[[str], bytes]) -> ssl.SSLContext:
    """Returns the context for boards; `key_of` returns the stored hash of a valid token by its id, or b"".

    It must run on a Python whose `ssl` has TLS-PSK: `settings.offers_psk`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # With 1.3 a client may take a certificate instead.
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)

    def find_key(identity: str | None) -> bytes:
        digest = key_of(identity or "")
        if not digest:
            log.warning("= TLS: no valid token has the id %.32r", identity)
            return b""
        return psk_of(digest)

    # Python has it from 3.13 on.
    has_psk: Any = context
    has_psk.set_psk_server_callback(find_key)
    return context


def psk_of(digest: bytes) -> bytes:
    """Returns the key of TLS by what is stored of a token: HKDF-Expand with SHA-256 (RFC 5869), 32 bytes."""
    return hmac.digest(digest, _LABEL + b"\x01", "sha256")


def offers_psk(hello: bytes) -> bool:
    """Whether the first bytes of a client offer a cipher suite with a shared key."""
    at = _SESSION_AT + 1 + int.from_bytes(hello[_SESSION_AT : _SESSION_AT + 1], "big")
    suites = hello[at + 2 : at + 2 + int.from_bytes(hello[at : at + 2], "big")]
    return any(int.from_bytes(suites[start : start + 2], "big") in _SUITES for start in range(0, len(suites), 2))
