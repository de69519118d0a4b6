"""What a browser is told, as JSON for the service worker of the page, in as many bytes as a push message has."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Iterable

import msgspec

from darvaz.gateway.alerts.push_encryption import MESSAGE_BYTES_MAX
from darvaz.gateway.alerts.records import Message

# The ids of alerts in one message: those beyond are told, but their notification stays until somebody closes it.
IDS_MAX = 60
_TAG_CHARS = 12
_MORE = "…"


class Payload(msgspec.Struct, omit_defaults=True):
    """What the service worker shows."""

    title: str
    body: str
    lang: str
    tag: str
    """A notification of the same tag takes its place."""
    page: str = ""
    """What follows # in the address of the page that a click opens."""
    began: list[str] = []
    """The alerts that the notification is about: once all are over, it is closed."""
    ended: list[str] = []
    """Alerts that are over: notifications about them alone are closed."""


def tag_of(message: Message) -> str:
    """Returns a name for what a message is about: of an alert that began and of its end, it is the same."""
    ids = sorted({*message.began, *message.ended})
    if len(ids) == 1:
        return ids[0]
    named = "\n".join(ids or [message.id])
    return hashlib.sha256(named.encode()).hexdigest()[:_TAG_CHARS]


def dump_payload(message: Message) -> bytes:
    """Returns a message as the service worker reads it; a long text is cut."""
    is_about_alerts = bool(message.began or message.ended)
    payload = Payload(
        title=message.title, body=message.body, lang=message.language, tag=tag_of(message),
        page="/alerts" if is_about_alerts else "", began=_some(message.began), ended=_some(message.ended),
    )  # fmt: skip
    if not _fits(payload):
        for name in ("body", "title"):
            text = getattr(payload, name)
            setattr(payload, name, "")
            if _fits(payload):
                setattr(payload, name, _longest(payload, name, text))
                break
    return msgspec.json.encode(payload)


def _longest(payload: Payload, name: str, text: str) -> str:
    """Returns as much of a text as fits, with a mark that the rest is missing."""

    def is_too_long(count: int) -> bool:
        return not _fits(msgspec.structs.replace(payload, **{name: text[:count] + _MORE}))

    count = bisect.bisect_left(range(len(text)), True, key=is_too_long) - 1
    return text[:count] + _MORE if count >= 0 else ""


def _fits(payload: Payload) -> bool:
    return len(msgspec.json.encode(payload)) <= MESSAGE_BYTES_MAX


def _some(ids: Iterable[str]) -> list[str]:
    return list(ids)[:IDS_MAX]
