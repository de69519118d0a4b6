"""Credentials of tokens, browser sessions and sign-in links: made, parsed, compared, redacted."""

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
# Also without the second underscore, as after a typing error: after ten characters, the rest is a secret.
_LOOKS_LIKE_ONE = re.compile(r"(dvz_[A-Za-z0-9]{1,10}+)(_[A-Za-z0-9_-]+|[A-Za-z0-9-][A-Za-z0-9_-]{5,})")

NO_DIGEST = bytes(hashlib.sha256().digest_size)
"""A hash that no secret has: an unknown id is compared with it, so that it takes as long as a known id."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A new credential: the text is shown once; the hash of its secret is stored."""

    identity: str
    text: str
    digest: bytes


def make_credential() -> Credential:
    """Returns a new credential, with 256 random bits from the operating system."""
    identity = base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode().lower()[:_ID_CHARS]
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return Credential(identity, f"dvz_{identity}_{secret}", digest_of(secret))


def parse_credential(text: str) -> tuple[str, str]:
    """Returns id and secret of a credential; of any other text, "" and the text itself."""
    match = _FORM.fullmatch(text[:CREDENTIAL_CHARS_MAX])
    if match is None:
        return "", text[:CREDENTIAL_CHARS_MAX]
    return match.group(1), match.group(2)


def is_secret_of(digest: bytes, secret: str) -> bool:
    """Whether a secret has this digest, compared in constant time."""
    return hmac.compare_digest(digest, digest_of(secret))


def digest_of(secret: str) -> bytes:
    """Returns the hash that is stored of a secret."""
    # A random secret of 256 bits does not need a slow hash. Only an invalid token has surrogates.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def redact(text: str) -> str:
    """Returns a text without the secrets of everything that looks like a credential."""
    return _LOOKS_LIKE_ONE.sub(r"\1_…", text)
