"""config.json for a board: the maker's settings stay, and a flash adds device, token, network and gateway."""

from __future__ import annotations

import codecs
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NETWORKS_MAX = 8
GATEWAYS_MAX = 8
SSID_BYTES_MAX = 32
PASSWORD_BYTES_MAX = 63
PASSWORD_BYTES_MIN = 8
# The key itself in place of a password (IEEE 802.11, J.4.1).
KEY_HEX_DIGITS = 64
_UTF8 = "utf-8"
_GRACE_S = 1
_SETUP_KEY_DIGITS = 16
# The texts of config.example.json, which some people copy without filling them in.
_PLACEHOLDERS = ("paste the token here", "the name of your Wi-Fi")


@dataclass(frozen=True, slots=True)
class WifiNetwork:
    """A Wi-Fi: its name, and its password, empty for an open one."""

    ssid: str
    password: str

    def __repr__(self) -> str:
        return f"WifiNetwork({self.ssid!r})"


def check_network(network: WifiNetwork) -> str | None:
    """Returns what is wrong with a network, without its password; None if it is right."""
    try:
        name_bytes, password_bytes = len(network.ssid.encode()), len(network.password.encode())
    except UnicodeEncodeError:
        return "the name or the password of the Wi-Fi holds half a character: type it again"
    if not 1 <= name_bytes <= SSID_BYTES_MAX:
        return f"the name of a Wi-Fi has 1 to {SSID_BYTES_MAX} bytes, this one {name_bytes}"
    if re.fullmatch(f"[0-9a-fA-F]{{{KEY_HEX_DIGITS}}}", network.password):
        return None
    if password_bytes and not PASSWORD_BYTES_MIN <= password_bytes <= PASSWORD_BYTES_MAX:
        return (
            f"the password of a Wi-Fi has {PASSWORD_BYTES_MIN} to {PASSWORD_BYTES_MAX} bytes, or none; this one has"
            f" {password_bytes}"
        )
    return None


def parse_config(data: bytes) -> dict[str, Any] | None:
    """Returns the object in config.json, or None if it does not hold one.

    Editors on Windows write a byte order mark, and some of them UTF-16.
    """
    try:
        config = json.loads(data.decode(_encoding(data)))
    except (ValueError, RecursionError):
        return None
    return config if isinstance(config, dict) else None


def is_clean(data: bytes) -> bool:
    """Whether a board can read the text: UTF-8 without a byte order mark."""
    return not data.startswith(codecs.BOM_UTF8) and _encoding(data) == _UTF8


def _encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return json.detect_encoding(data) if b"\0" in data[:4] else _UTF8


def dump_config(config: dict[str, Any]) -> bytes:
    """Returns config.json without escapes: MicroPython reads the two escapes of an emoji as two characters."""
    return json.dumps(config, indent=1, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def networks_of(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the networks in a config.json, without those of the example."""
    networks = config.get("networks")
    entries = [entry for entry in networks if isinstance(entry, dict)] if isinstance(networks, list) else []
    return [entry for entry in entries if isinstance(entry.get("ssid"), str) and not _is_placeholder(entry["ssid"])]


def token_of(config: dict[str, Any]) -> str | None:
    """Returns the token in a config.json, or None."""
    token = config.get("token")
    return token if isinstance(token, str) and not _is_placeholder(token) else None


def setup_key(token: str) -> str | None:
    """Returns the key of the network that a board without Wi-Fi opens; None for what has not the form of a token.

    HKDF-Expand with SHA-256 (RFC 5869) of what is stored of the token, as firmware/lib/darvaz/setup.py does.
    """
    parts = token.split("_", 2)
    if len(parts) != 3:
        return None
    stored = hashlib.sha256(parts[2].encode()).digest()
    return hmac.digest(stored, b"darvaz setup\x01", "sha256").hex()[:_SETUP_KEY_DIGITS]


def merge_config(
    config: dict[str, Any],
    *,
    device: str,
    token: str | None,
    network: WifiNetwork | None,
    gateway: str,
    update_key: str | None = None,
    owner_key: str | None = None,
    uses_psk: bool = False,
) -> dict[str, Any]:
    """Returns a config.json with these values and all others that it had; None leaves a value unchanged.

    With `uses_psk` the link is encrypted with the token. The network is put before the others. The gateway replaces the
    list of gateways, unless it is in the list.
    """
    # Without a maker's settings the board waits at its start only as long as our own tools need.
    merged: dict[str, Any] = dict(config) if config else {"grace_s": _GRACE_S}
    merged["device"] = device
    if token is not None:
        merged["token"] = token
    if update_key is not None:
        merged["update_key"] = update_key
    if owner_key is not None:
        merged["owner_key"] = owner_key
    merged.pop("psk", None)
    if uses_psk:
        merged["psk"] = True
    merged["networks"] = _merge_networks(networks_of(config), network)
    merged["gateways"] = _merge_gateways(config.get("gateways"), gateway)
    return merged


def _merge_networks(there: Sequence[dict[str, Any]], network: WifiNetwork | None) -> list[dict[str, Any]]:
    if network is None:
        return list(there)
    before = next((entry for entry in there if entry["ssid"] == network.ssid), {})
    first: dict[str, Any] = {**before, "ssid": network.ssid}
    first.pop("password", None)
    if network.password:
        first["password"] = network.password
    return [first, *(entry for entry in there if entry["ssid"] != network.ssid)][:NETWORKS_MAX]


def _merge_gateways(there: Any, gateway: str) -> list[Any]:
    if isinstance(there, list) and gateway in there[:GATEWAYS_MAX]:
        return there
    return [gateway]


def _is_placeholder(text: str) -> bool:
    return text.startswith(_PLACEHOLDERS)
