"""A challenge: a device shows that it has a token, without sending it, once the gateway has shown that it knows it.

Like SCRAM (RFC 5802), with the SHA-256 of the secret as the stored key: the gateway's proof is an HMAC with that key,
the device's proof is the secret under a pad that only those who know the key can make. So a listener learns nothing,
and what is stored does not open a link by itself. Both ends choose a text of the HMAC, so nothing can be repeated.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from dataclasses import dataclass, field

TOKEN_HEADER = "darvaz-token"
"""Of the handshake: the id of the token, without its secret, and the nonce of the device."""
CHALLENGE_HEADER = "darvaz-challenge"
"""Of the answer: the gateway's nonce and its proof."""

_NAMED = re.compile(r"([a-z2-7]{10}) ([\x21-\x7e]{16,64})")
_NONCE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Challenge:
    """What one link must answer: the id that it named, and the nonces of both ends."""

    token_id: str
    device_nonce: str
    nonce: str = field(default_factory=lambda: secrets.token_hex(_NONCE_BYTES))

    def header(self, digest: bytes) -> str:
        """Returns the value of `CHALLENGE_HEADER`; the digest is what is stored of the token."""
        return f"{self.nonce} {self._code(digest, 'gateway').hex()}"

    def open(self, digest: bytes, proof: str) -> str:
        """Returns the secret in a proof; of a wrong one, a text that no token has."""
        pad = self._code(digest, "device")
        try:
            masked = binascii.unhexlify(proof)
        except ValueError:
            masked = b""
        if len(masked) != len(pad):
            return ""
        secret = bytes(one ^ other for one, other in zip(masked, pad, strict=True))
        return base64.urlsafe_b64encode(secret).decode().rstrip("=")

    def _code(self, key: bytes, sender: str) -> bytes:
        return hmac.digest(key, f"{sender} {self.token_id} {self.device_nonce} {self.nonce}".encode(), "sha256")


def make_challenge(named: str) -> Challenge | None:
    """Returns a challenge for the value of `TOKEN_HEADER`, or None if it is malformed."""
    match = _NAMED.fullmatch(named)
    return None if match is None else Challenge(match[1], match[2])
