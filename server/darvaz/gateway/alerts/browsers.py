"""The browsers that people are told of alerts by (Web Push): one of each browser session, and the gateway's own key."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable

import msgspec
from msgspec.structs import replace

from darvaz.gateway.alerts.phrases import Language
from darvaz.gateway.alerts.push_addresses import EndpointError, parse_endpoint
from darvaz.gateway.alerts.push_encryption import (
    SECRET_BYTES,
    can_encrypt,
    decode,
    is_public_key,
    load,
    make_key,
    public_of,
)
from darvaz.gateway.alerts.push_payload import dump_payload, tag_of
from darvaz.gateway.alerts.push_sender import NOT_INSTALLED, PushMessage, PushResult, PushSender
from darvaz.gateway.alerts.records import BROWSERS_TABLE, Message
from darvaz.gateway.storage.database import read_setting
from darvaz.gateway.storage.kept_rows import Kept

BROWSERS_MAX = 128
# The name that rules use for all of them, and how the messages of one are told from those of a channel.
BROWSERS, LINE = "browsers", "browser/"
# As long as a message is tried: a phone that was off for longer is not told.
LIFE_S = 86_400
NOT_ALLOWED = "nobody is signed in there who may see alerts"
OTHER_KEY = "it was told by another key of the gateway"
_KEY = "push_key"


class BrowserError(ValueError):
    """A subscription that is not taken; the text says why, without its secrets."""


class TooManyBrowsersError(Exception):
    """There are as many browsers as a gateway tells."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """How one browser is reached. Its address is a secret."""

    endpoint: str
    browser: str
    """Its public key, base64url."""
    secret: str
    language: Language
    key: str
    """The gateway's public key that it was made for."""
    contact: str = ""
    created: float = 0.0


class Browsers:
    """The browsers, by the id of their session. Used from the event loop only."""

    def __init__(self, tables: sqlite3.Connection, unix_s: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._kept = Kept(tables, BROWSERS_TABLE, Subscription)
        self._unix_s = unix_s
        self._known: dict[str, Subscription] = {}
        self.may_be_told: Callable[[str], bool] = lambda session: True
        """Returns whether the person of a session may still see alerts."""
        self.local_hosts: Callable[[], Collection[str]] = tuple
        """Returns the hosts in the own network that may be push services."""
        self.sender = PushSender(lambda: self.local_hosts(), unix_s)

    def __len__(self) -> int:
        return len(self._known)

    @property
    def sessions(self) -> list[str]:
        return list(self._known)

    @property
    def public_key(self) -> str:
        """Returns the key that browsers subscribe with, made at the first use; `BrowserError` without the package."""
        return public_of(self._private_key())

    def load(self) -> None:
        """Reads what was kept."""
        self._known.update(self._kept.load())

    async def prepare(self) -> None:
        """Loads what other methods need, which takes long the first time."""
        await asyncio.to_thread(load)

    def find(self, session: str) -> Subscription | None:
        return self._known.get(session)

    def set_language(self, sessions: Iterable[str], language: Language) -> None:
        """Changes the language of the browsers of a person, by their sessions."""
        of_person = {each: self._known[each] for each in sessions if each in self._known}
        changed = {each: replace(known, language=language) for each, known in of_person.items()}
        self._known.update(changed)
        self._kept.put(changed)

    def put(
        self, session: str, endpoint: str, browser: str, secret: str, language: Language, contact: str
    ) -> list[str]:
        """Adds the browser of a session, or replaces it; returns other sessions whose browser it was.

        Raises `BrowserError` and `TooManyBrowsersError`.
        """
        made = Subscription(
            endpoint=endpoint, browser=browser, secret=secret, language=language, key=self.public_key,
            contact=contact, created=self._unix_s(),
        )  # fmt: skip
        self._check(made)
        earlier = [each for each, known in self._known.items() if known.endpoint == endpoint and each != session]
        if any((self._known[each].browser, self._known[each].secret) != (browser, secret) for each in earlier):
            raise BrowserError("this address of a push service is that of another browser")
        for each in earlier:
            self.remove(each)
        if session not in self._known and len(self._known) >= BROWSERS_MAX:
            raise TooManyBrowsersError(f"{BROWSERS_MAX} browsers are told already: have some sign out")
        self._kept.put({session: made})
        self._known[session] = made
        return earlier

    def remove(self, session: str) -> bool:
        """Removes the browser of a session; returns whether there was one."""
        if self._known.pop(session, None) is None:
            return False
        self._kept.remove([session])
        return True

    def refusal(self, session: str) -> str | None:
        """Returns why a browser cannot or may not be told any more; None if it is."""
        known = self._known.get(session)
        if known is None or not self.may_be_told(session):
            return NOT_ALLOWED
        return OTHER_KEY if can_encrypt() and known.key != self.public_key else None

    def shown(self, session: str) -> str:
        """Returns how the journal names a browser: by its session and its push service, without the secret."""
        known = self._known.get(session)
        host = "" if known is None else known.endpoint.removeprefix("https://").partition("/")[0]
        return f"the browser of session {session}" + (f" ({host})" if host else "")

    async def send(self, session: str, message: Message) -> PushResult:
        """Sends a message to the browser of a session, which must be there."""
        known = self._known[session]
        if not can_encrypt():
            return PushResult(NOT_INSTALLED)
        has_begun = bool(message.began) or not message.ended
        age_s = max(0, int(self._unix_s() - message.unix_s))
        push = PushMessage(
            endpoint=known.endpoint, browser=known.browser, secret=known.secret, contact=known.contact,
            body=dump_payload(message), ttl_s=max(0, LIFE_S - age_s), is_urgent=has_begun, topic=tag_of(message),
        )  # fmt: skip
        return await self.sender.send(self._private_key(), push)

    def _check(self, made: Subscription) -> None:
        try:
            parse_endpoint(made.endpoint, self.local_hosts())
        except EndpointError as error:
            raise BrowserError(str(error)) from None
        try:
            is_right = is_public_key(decode(made.browser)) and len(decode(made.secret)) == SECRET_BYTES
        except ValueError:
            is_right = False
        if not is_right:
            raise BrowserError("the keys are not those of a subscription: p256dh has 65 bytes, auth 16, in base64url")

    def _private_key(self) -> str:
        """Returns the gateway's key, as it is kept now: gateways of a cluster share it."""
        key = read_setting(self._tables, _KEY)
        if key is None:
            if not can_encrypt():
                raise BrowserError(NOT_INSTALLED)
            key = make_key()
            self._tables.execute("INSERT OR IGNORE INTO settings (key, value) VALUES (?, ?)", (_KEY, key))
        return key


def line_of(session: str) -> str:
    """Returns the name of the messages that wait for a browser."""
    return LINE + session


def session_of(line: str) -> str | None:
    """Returns the session of such a name; None for the name of a channel."""
    return line.removeprefix(LINE) if line.startswith(LINE) else None
