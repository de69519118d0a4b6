"""What the hub knows of a device: its link, and what it said of itself when it introduced itself."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Protection = Literal["encrypted", "token_protected", "open"]
"""What a listener on the network learns of a link: nothing of it, all but the token, or all."""


class DeviceState(msgspec.Struct, kw_only=True, frozen=True):
    """One device now. What it says of itself is text that anybody could have written."""

    id: str
    kind: str
    label: str | None
    groups: tuple[str, ...]
    words: dict[str, Any]
    """What people say of its commands and values (words.py)."""
    hidden_from: tuple[str, ...]
    last_end: int | None
    """The close code of its last link; None while it is here."""
    online: bool
    address: str | None
    since_unix_s: float | None
    """When it connected; None while it is away."""
    protection: Protection | None
    """What protects its link; None while it is away."""
    first_seen_unix_s: float
    last_seen_unix_s: float
    version: str | None
    board: str | None
    ip: str | None
    mac: str | None
    reset_cause: str | None
    boot_id: str | None
    commands: dict[str, Any]
    """Its commands and their arguments, in the form of protocol.json."""
    last_args: dict[str, dict[str, Any]]
    """Command → the arguments that it was last carried out with."""
    telemetry: dict[str, Any]
    """What it reports, with units, in the form of protocol.json."""
