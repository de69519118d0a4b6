"""By what people can be told: channels with a name each, and the browsers, which have one name together."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from darvaz.gateway.alerts.browsers import BROWSERS, Browsers, line_of, session_of
from darvaz.gateway.alerts.phrases import Language
from darvaz.gateway.alerts.records import CHANNELS_TABLE, Channel
from darvaz.gateway.storage.kept_rows import Kept

CHANNELS_MAX = 64


class TooManyChannelsError(Exception):
    """There are as many channels as a gateway may have."""


class Recipients:
    """Channels and browsers, over restarts. Messages wait in a line for each. Used from the event loop only."""

    def __init__(self, tables: sqlite3.Connection, unix_s: Callable[[], float]) -> None:
        self._kept = Kept(tables, CHANNELS_TABLE, Channel)
        # By name. Their addresses are secrets.
        self.channels: dict[str, Channel] = {}
        self.browsers = Browsers(tables, unix_s)

    def load(self) -> None:
        """Reads what was kept."""
        self.channels.update(self._kept.load())
        self.browsers.load()

    def put_channel(self, name: str, channel: Channel) -> None:
        """Adds or replaces a channel; raises `TooManyChannelsError`."""
        if name not in self.channels and len(self.channels) >= CHANNELS_MAX:
            raise TooManyChannelsError(f"there are {CHANNELS_MAX} channels already: remove some")
        self._kept.put({name: channel})
        self.channels[name] = channel

    def remove_channel(self, name: str) -> bool:
        """Removes a channel; returns whether there was one."""
        if self.channels.pop(name, None) is None:
            return False
        self._kept.remove([name])
        return True

    @property
    def names(self) -> list[str]:
        """Returns by what people can be told now: the channels, and the browsers if there are any."""
        return [*self.channels, *([BROWSERS] if len(self.browsers) else [])]

    def is_known(self, name: str) -> bool:
        """Returns whether a rule may name a channel."""
        return name in self.channels or name == BROWSERS

    def lines_of(self, name: str) -> list[str]:
        """Returns the lines of the name of a channel, or of all browsers."""
        if name == BROWSERS:
            return [line_of(session) for session in self.browsers.sessions]
        return [name] if name in self.channels else []

    def has(self, line: str) -> bool:
        """Returns whether somebody is told by a line still."""
        session = session_of(line)
        return line in self.channels if session is None else self.browsers.find(session) is not None

    def language_of(self, line: str) -> Language:
        """Returns the language of the messages of a line."""
        session = session_of(line)
        known = self.channels.get(line) if session is None else self.browsers.find(session)
        return "en" if known is None else known.language

    def shown(self, line: str) -> str:
        """Returns how the journal names a line."""
        session = session_of(line)
        return line if session is None else self.browsers.shown(session)
