"""What the buckets of a cluster hold of a device, and the keys of both.

Later versions may add fields; what a version does not know is ignored.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import msgspec

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ENCODED = "="


class LinkRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The newest link of a device, or its end; its revision in the bucket says which of two is newer."""

    device: str
    kind: str
    node: str
    serial: int
    """Counts the links of the node."""
    is_online: bool = True
    address: str = ""
    protection: str | None = None
    """How the link is protected; None from earlier versions."""
    since_s: float = 0.0
    """Unix seconds, as the next two."""
    first_seen_s: float = 0.0
    last_seen_s: float = 0.0
    last_end: int | None = None
    introduction: dict[str, Any] = {}
    last_args: dict[str, dict[str, Any]] = {}
    """With what its commands were carried out before this link began."""


class GivenRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What people gave a device."""

    device: str
    label: str | None = None
    groups: list[str] = []
    hidden_from: list[str] = []
    words: dict[str, Any] = {}


def token_of(device: str) -> str:
    """Returns the id of a device as a part of a subject or key of NATS: Latin letters, digits, `_`, `-` and `=`."""
    if _PLAIN.fullmatch(device):
        return device
    return _ENCODED + base64.urlsafe_b64encode(device.encode()).decode().rstrip("=")


def device_of(token: str) -> str | None:
    """Returns the id of a device that `token_of` made this of, or None if it is not one."""
    if not token.startswith(_ENCODED):
        return token if _PLAIN.fullmatch(token) else None
    text = token.removeprefix(_ENCODED)
    try:
        device = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return device if device and token_of(device) == token else None
