"""Credentials: how a secret text is made, taken apart and compared; tokens, sessions and sign-in links are such."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

CREDENTIAL_CHARS_MAX = 256

_ID_CHARS = 10
_ID_BYTES = 7
_SECRET_BYTES = 32
_FORM = re.compile(rf"dvz_([a-z2-7]{{{_ID_CHARS}}})_([A-Za-z0-9_-]{{43}})")
# Also one whose second underscore was lost in typing: what follows ten characters is a secret anyway.
_LOOKS_LIKE_ONE = re.compile(r"(dvz_[A-Za-z0-9]{1,10}+)(_[A-Za-z0-9_-]+|[A-Za-z0-9-][A-Za-z0-9_-]{5,})")

NO_DIGEST = bytes(hashlib.sha256().digest_size)
"""The hash that nothing has: what an unknown id is compared with, so that it takes as long as a known one."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A new credential: the text is shown once, the hash of its secret is stored."""

    identity: str
    text: str
    digest: bytes


def make_credential() -> Credential:
    """Returns a fresh credential with 256 bits from the operating system."""
    identity = base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode().lower()[:_ID_CHARS]
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return Credential(identity, f"dvz_{identity}_{secret}", digest_of(secret))


def parse_credential(text: str) -> tuple[str, str]:
    """Returns the id and the secret of a text; what is no credential has no id, and itself as secret."""
    match = _FORM.fullmatch(text[:CREDENTIAL_CHARS_MAX])
    if match is None:
        return "", text[:CREDENTIAL_CHARS_MAX]
    return match.group(1), match.group(2)


def is_secret_of(digest: bytes, secret: str) -> bool:
    """Whether a secret is the one that was stored, in constant time."""
    return hmac.compare_digest(digest, digest_of(secret))


def digest_of(secret: str) -> bytes:
    """Returns what is stored of a secret."""
    # A random secret of 256 bits needs no slow hash; surrogates can only stand in what is no token.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def redact(text: str) -> str:
    """Returns a text with the secret half of everything that looks like a credential taken out."""
    return _LOOKS_LIKE_ONE.sub(r"\1_…", text)
