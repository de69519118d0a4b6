"""Pages of the list of devices, as JSON and with an entity tag."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

import msgspec

from darvaz.gateway.telemetry.description import DeviceDescription

LIMIT_MAX = 1_000
# A page ends with the device that makes it larger.
PAGE_BYTES = 1_000_000

_TAG_BYTES = 12
_NO_TIME = b'"last_seen":0.0'


class DevicePage:
    """One page; its texts are made one at a time, since all of them take long."""

    def __init__(
        self, describe: Callable[[str], DeviceDescription | None], ids: Iterable[str], limit: int
    ) -> None:  # fmt: skip
        self._describe = describe
        self._ids = ids
        self._limit = limit
        # The last device of the page, if there are more.
        self.next: str | None = None
        self._hash = hashlib.blake2b(digest_size=_TAG_BYTES)

    def texts(self) -> Iterator[bytes]:
        """Yields the JSON of each device."""
        count, size_bytes, last = 0, 0, None
        for device in self._ids:
            if count >= self._limit or size_bytes >= PAGE_BYTES:
                self.next = last
                break
            text = self._text(device)
            if text is not None:
                count, size_bytes, last = count + 1, size_bytes + len(text), device
                yield text

    @property
    def tag(self) -> str:
        """The entity tag of the texts so far: weak, for `last_seen` of an online device is always now."""
        self._hash.update((self.next or "").encode())
        return f'W/"{self._hash.hexdigest()}"'

    def _text(self, device: str) -> bytes | None:
        described = self._describe(device)
        if described is None:
            # Forgotten since the page was begun.
            return None
        if not described.online:
            text = msgspec.json.encode(described)
            self._hash.update(text)
            return text
        last_seen, described.last_seen = described.last_seen, 0.0
        text = msgspec.json.encode(described)
        self._hash.update(text)
        # The first is the field itself: what boards say comes after it.
        return text.replace(_NO_TIME, b'"last_seen":%s' % msgspec.json.encode(last_seen), 1)


def dump_page(texts: list[bytes], next_: str | None) -> bytes:
    """Returns a page as the JSON of a `DeviceList`."""
    return b'{"devices":[%s],"next":%s}' % (b",".join(texts), msgspec.json.encode(next_))
