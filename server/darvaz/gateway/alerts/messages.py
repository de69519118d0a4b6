"""The channels to people, and the sending of what waits for them; a service that is down is tried again."""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
import time
from collections.abc import Callable

from darvaz.gateway.alerts.outbox import AlertOutbox
from darvaz.gateway.alerts.phrases import PHRASES, Language
from darvaz.gateway.alerts.records import TABLES, Channel, Kept, Message, new_id
from darvaz.gateway.alerts.rules import AlertRule
from darvaz.gateway.alerts.sender import Sender
from darvaz.gateway.alerts.telling import Notice
from darvaz.gateway.alerts.words import Composer

log = logging.getLogger("darvaz.alerts")

CHANNELS_MAX = 64
_CLOSE_DEADLINE_S = 1.0


class TooManyChannelsError(Exception):
    """There are as many channels as a gateway may have."""


class Messages:
    """Channels and the messages for them, over restarts. Used from the event loop only."""

    def __init__(
        self,
        tables: sqlite3.Connection,
        name_of: Callable[[str], str],
        record: Callable[[str | None, str, str], None],
        unix_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        _, channels, _, messages, _ = TABLES
        self._kept_channels = Kept(tables, channels, Channel)
        self._kept_messages = Kept(tables, messages, Message)
        self._name_of = name_of
        self._record = record
        self._unix_s = unix_s
        self._monotonic_s = monotonic_s
        self.rule_of: Callable[[str], AlertRule | None] = lambda rule_id: None
        """Returns the rule of an id, in whose words Persian messages are written."""
        self.sender = Sender()
        self._outbox = AlertOutbox()
        # By name. Their addresses are secrets.
        self._channels: dict[str, Channel] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_open = False

    @property
    def channels(self) -> dict[str, Channel]:
        """Returns the channels by name."""
        return self._channels

    @property
    def errors(self) -> dict[str, str]:
        """Returns why channels cannot be reached now."""
        return self._outbox.errors()

    def waiting(self, channel: str) -> int:
        """Returns how many messages wait for a channel."""
        return self._outbox.waiting(channel)

    def open(self) -> None:
        """Loads the channels, and sends what waits since before."""
        self._is_open = True
        self._channels.update(self._kept_channels.load())
        messages = self._kept_messages.load().values()
        self._outbox.add(message for message in messages if message.channel in self._channels)
        self._send_due()

    async def close(self) -> None:
        """Ends the sending; what has not arrived is sent after the next start."""
        self._is_open = False
        if self._timer is not None:
            self._timer.cancel()
        if self._sending:
            await asyncio.wait(self._sending, timeout=_CLOSE_DEADLINE_S)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def put_channel(self, name: str, url: str, shown: str, language: Language = "en") -> None:
        """Adds or replaces a channel, with its address and how to show that; raises `TooManyChannelsError`."""
        if name not in self._channels and len(self._channels) >= CHANNELS_MAX:
            raise TooManyChannelsError(f"there are {CHANNELS_MAX} channels already: remove some")
        channel = Channel(url, shown, language)
        self._kept_channels.put({name: channel})
        self._channels[name] = channel

    def remove_channel(self, name: str) -> bool:
        """Removes a channel and what waits for it; returns whether there was one."""
        if self._channels.pop(name, None) is None:
            return False
        self._kept_channels.remove([name])
        self._kept_messages.remove(message.id for message in self._outbox.forget(name))
        return True

    def tell(self, notices: list[Notice]) -> None:
        """Takes what channels are to be told."""
        messages = {}
        for notice in notices:
            if notice.channel in self._channels:
                composer = Composer(self._channels[notice.channel].language, self._name_of, self.rule_of)
                title, body = composer.compose(notice)
                message = Message(id=new_id(), channel=notice.channel, unix_s=self._unix_s(), title=title, body=body)
                messages[message.id] = message
        self._kept_messages.put(messages)
        self._kept_messages.remove(message.id for message in self._outbox.add(messages.values()))
        self._send_due()

    def announce(self, title: str, text: str, names: list[str] | None) -> tuple[bool, str]:
        """Takes a message for some channels, or for all; returns whether there are any, and what to say of it."""
        found = [name for name in (self._channels if names is None else names) if name in self._channels]
        if not found:
            return False, "there is no channel: see the page of alerts"
        unix_s = self._unix_s()
        made = [Message(id=new_id(), channel=name, unix_s=unix_s, title=title, body=text) for name in found]
        messages = {message.id: message for message in made}
        self._kept_messages.put(messages)
        self._kept_messages.remove(message.id for message in self._outbox.add(messages.values()))
        self._send_due()
        return True, f"for {', '.join(found)}"

    async def test(self, name: str) -> str | None:
        """Sends a message that says it is a test, at once; returns why it failed, or None."""
        channel = self._channels[name]
        phrases = PHRASES[channel.language]
        return await self.sender.send(channel.url, phrases.test_title, phrases.test_text)

    def _send_due(self) -> None:
        if not self._is_open:
            return
        for message in self._outbox.take(self._monotonic_s()):
            task = asyncio.ensure_future(self._send(message))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._outbox.due_s < math.inf:
            delay_s = max(0.1, self._outbox.due_s - self._monotonic_s())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._send_due)

    async def _send(self, message: Message) -> None:
        name = message.channel
        channel = self._channels.get(name)
        if channel is None:
            return
        error = await self.sender.send(channel.url, message.title, message.body)
        if self._channels.get(name) is None:
            return
        was_down = name in self.errors
        if error is None:
            gone = self._outbox.succeed(name)
            if was_down:
                self._record(None, "alerts told again", f"{name} can be reached again; {len(gone)} messages arrived")
        else:
            gone = self._outbox.fail(name, error, self._monotonic_s(), self._unix_s())
            self._tell_failure(name, error, was_down, len(gone))
        try:
            self._kept_messages.remove(message.id for message in gone)
        except sqlite3.Error as failure:
            log.error("= a message may be sent twice: %s", failure)
        self._send_due()

    def _tell_failure(self, name: str, error: str, was_down: bool, given_up: int) -> None:
        if not was_down:
            log.warning("= alerts cannot be told by %s: %s", name, error)
            self._record(None, "alerts not told", f"{name}: {error}; it is tried again")
        if given_up:
            self._record(None, "alerts not told", f"{name}: {given_up} messages of a day ago are given up")
