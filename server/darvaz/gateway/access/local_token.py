"""The local token: proves that a caller can read the gateway's files, which only its own user can."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from darvaz.gateway.access.credentials import digest_of, is_secret_of, parse_credential

# In place of the id of a token; base 32 of random bytes is something else.
LOCAL_TOKEN_ID = "localtoken"

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class LocalToken:
    """The token of one start of the gateway."""

    text: str = field(repr=False)
    digest: bytes = field(repr=False)

    def is_shown(self, text: str) -> bool:
        """Whether a text is this token."""
        identity, secret = parse_credential(text)
        return is_secret_of(self.digest, secret) and identity == LOCAL_TOKEN_ID


def make_local_token() -> LocalToken:
    """Returns a new local token, with 256 random bits from the operating system."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return LocalToken(f"dvz_{LOCAL_TOKEN_ID}_{secret}", digest_of(secret))


def looks_local(text: str) -> bool:
    """Whether a text has the form of a local token, of this start of the gateway or of another."""
    return parse_credential(text)[0] == LOCAL_TOKEN_ID
