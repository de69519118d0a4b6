"""Names and keys that Home Assistant makes its ids of: Latin, stable, different for different boards and values."""

from __future__ import annotations

import hashlib
import re
import unicodedata

# A DNS label has at most 63 characters (RFC 1035, section 2.3.4).
_LABEL_CHARS_MAX = 63
_PREFIX = "darvaz-"
_LATIN_CHARS_MAX = _LABEL_CHARS_MAX - len(_PREFIX)
_HASH_CHARS = 6


def node_name(device: str) -> str:
    """Returns the host name of a board's node: `darvaz-greenhouse`."""
    return _PREFIX + latin_id(device)


def latin_id(device: str) -> str:
    """Returns the id of a board in small Latin letters, digits and hyphens, as a host name or a topic may have them.

    Where the id has other characters, some of its hash makes it unambiguous.
    """
    folded = unicodedata.normalize("NFKD", device).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")
    if slug == device and len(slug) <= _LATIN_CHARS_MAX:
        return slug
    tail = hashlib.sha256(device.encode()).hexdigest()[:_HASH_CHARS]
    head = slug[: _LATIN_CHARS_MAX - _HASH_CHARS - 1].strip("-")
    return f"{head}-{tail}" if head else tail


def entity_key(entity_kind: str, name: str) -> int:
    """Returns the number by which states and commands name an entity: 32 bits, never 0."""
    number = int.from_bytes(hashlib.sha256(f"{entity_kind}\n{name}".encode()).digest()[:4])
    return number or 1


def human_name(name: str) -> str:
    """Returns a name for people of one of a program: `soil_moisture` is "Soil moisture"."""
    words = name.replace("_", " ").strip() or name
    return words[:1].upper() + words[1:]
