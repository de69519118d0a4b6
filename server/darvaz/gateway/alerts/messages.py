"""The channels to people, and the sending of what waits for them; a service that is down is tried again."""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator

from darvaz.gateway.alerts.browsers import BROWSERS, NOT_ALLOWED, line_of, session_of
from darvaz.gateway.alerts.outbox import MESSAGES_PER_BROWSER_MAX, MESSAGES_PER_CHANNEL_MAX, AlertOutbox
from darvaz.gateway.alerts.phrases import PHRASES, Language
from darvaz.gateway.alerts.push_sender import PushResult
from darvaz.gateway.alerts.recipients import Recipients
from darvaz.gateway.alerts.records import MESSAGES_TABLE, Alert, Channel, Message
from darvaz.gateway.alerts.rules import AlertRule
from darvaz.gateway.alerts.sender import Sender
from darvaz.gateway.alerts.telling import Notice
from darvaz.gateway.alerts.words import Composer
from darvaz.gateway.storage.kept_rows import Kept, new_id

log = logging.getLogger("darvaz.alerts")

GONE = "the push service does not know it any more"
_CLOSE_DEADLINE_S = 1.0


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
        self._kept_messages = Kept(tables, MESSAGES_TABLE, Message)
        self.recipients = Recipients(tables, unix_s)
        self.browsers = self.recipients.browsers
        self._name_of = name_of
        self._record = record
        self._unix_s = unix_s
        self._monotonic_s = monotonic_s
        self.rule_of: Callable[[str], AlertRule | None] = lambda rule_id: None
        """Returns the rule of an id, in whose words Persian messages are written."""
        self.sender = Sender()
        self._outbox = AlertOutbox()
        self.tested: set[str] = set()
        """The sessions whose browser is being tested."""
        self._sending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_open = False

    @property
    def channels(self) -> dict[str, Channel]:
        """Returns the channels by name."""
        return self.recipients.channels

    @property
    def errors(self) -> dict[str, str]:
        """Returns why channels cannot be reached now; of the browsers, why the first of them cannot."""
        errors = self._outbox.errors()
        found = {name: error for name, error in errors.items() if session_of(name) is None}
        failed = [error for name, error in errors.items() if name not in found]
        return found | ({BROWSERS: f"{len(failed)} of {len(self.browsers)}: {failed[0]}"} if failed else {})

    def waiting(self, name: str) -> int:
        """Returns how many messages wait for a channel, or for all browsers."""
        return sum(self._outbox.waiting(line) for line in self.recipients.lines_of(name))

    def state_of_browser(self, session: str) -> tuple[int, str | None]:
        """Returns how many messages wait for the browser of a session, and why it cannot be reached now."""
        line = line_of(session)
        return self._outbox.waiting(line), self._outbox.errors().get(line)

    def open(self) -> None:
        """Loads the channels, and sends what waits since before."""
        self._is_open = True
        self.recipients.load()
        has = self.recipients.has
        self._outbox.add(message for message in self._kept_messages.load().values() if has(message.channel))
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
        await self.browsers.sender.close()

    def put_channel(self, name: str, url: str, shown: str, language: Language = "en") -> None:
        """Adds or replaces a channel, with its address and how to show that; raises `TooManyChannelsError`."""
        self.recipients.put_channel(name, Channel(url, shown, language))

    def remove_channel(self, name: str) -> bool:
        """Removes a channel and what waits for it; returns whether there was one."""
        is_removed = self.recipients.remove_channel(name)
        if is_removed:
            self._forget(name)
        return is_removed

    def put_browser(
        self, session: str, endpoint: str, browser: str, secret: str, language: Language, contact: str
    ) -> None:
        """Adds or replaces the browser of a session; raises `BrowserError` and `TooManyBrowsersError`."""
        for earlier in self.browsers.put(session, endpoint, browser, secret, language, contact):
            self._forget(line_of(earlier))

    def remove_browser(self, session: str) -> bool:
        """Removes the browser of a session and what waits for it; returns whether there was one."""
        is_removed = self.browsers.remove(session)
        if is_removed:
            self._forget(line_of(session))
        return is_removed

    def remove_browsers(self) -> bool:
        """Removes all browsers; returns whether there was one."""
        return [self.remove_browser(session) for session in self.browsers.sessions] != []

    def prune_browsers(self) -> Iterator[None]:
        """Removes the browsers of those who may not see alerts any more, one with each step."""
        for session in self.browsers.sessions:
            if not self.browsers.may_be_told(session):
                self._drop_browser(session, NOT_ALLOWED)
            yield

    def tell(self, notices: list[Notice]) -> None:
        """Takes what channels are to be told."""
        made = []
        for notice in notices:
            texts: dict[Language, tuple[str, str]] = {}
            for line in self.recipients.lines_of(notice.channel):
                language = self.recipients.language_of(line)
                if language not in texts:
                    texts[language] = Composer(language, self._name_of, self.rule_of).compose(notice)
                made.append(self._message(line, *texts[language], notice))
        self._add(made)

    def announce(self, title: str, text: str, names: list[str] | None) -> tuple[bool, str]:
        """Takes a message for some channels, or for all; returns whether there are any, and what to say of it."""
        known = self.recipients.names
        found = [name for name in (known if names is None else names) if name in known]
        if not found:
            return False, "there is no channel: see the page of alerts"
        self._add([self._message(line, title, text) for name in found for line in self.recipients.lines_of(name)])
        return True, f"for {', '.join(found)}"

    async def test(self, name: str) -> str | None:
        """Sends a message that says it is a test, at once; returns why it failed, or None."""
        if name in self.recipients.channels:
            return await self._deliver(self._test_message(name))
        lines = self.recipients.lines_of(name)
        errors = await asyncio.gather(*(self._deliver(self._test_message(line)) for line in lines))
        failed = [error for error in errors if error is not None]
        return f"{len(failed)} of {len(errors)} browsers: {failed[0]}" if failed else None

    async def test_browser(self, session: str) -> str | None:
        """Sends a message of a test to the browser of a session; returns why it failed, or None."""
        self.tested.add(session)
        try:
            return await self._deliver(self._test_message(line_of(session)))
        finally:
            self.tested.discard(session)

    # Messages

    def _message(self, line: str, title: str, body: str, notice: Notice | None = None) -> Message:
        began = [] if notice is None else [*notice.began, *notice.escalated]
        ended = [] if notice is None else notice.ended
        return Message(
            id=new_id(), channel=line, unix_s=self._unix_s(), title=title, body=body,
            language=self.recipients.language_of(line), began=_ids_of(began), ended=_ids_of(ended),
        )  # fmt: skip

    def _test_message(self, line: str) -> Message:
        phrases = PHRASES[self.recipients.language_of(line)]
        return self._message(line, phrases.test_title, phrases.test_text)

    def _add(self, messages: list[Message]) -> None:
        self._kept_messages.put({message.id: message for message in messages})
        of_channels = [message for message in messages if session_of(message.channel) is None]
        of_browsers = [message for message in messages if session_of(message.channel) is not None]
        dropped = self._outbox.add(of_channels, MESSAGES_PER_CHANNEL_MAX)
        dropped += self._outbox.add(of_browsers, MESSAGES_PER_BROWSER_MAX)
        self._kept_messages.remove(message.id for message in dropped)
        self._send_due()

    def _forget(self, line: str) -> None:
        self._kept_messages.remove(message.id for message in self._outbox.forget(line))

    def _drop_browser(self, session: str, reason: str) -> None:
        text = f"{self.browsers.shown(session)}: {reason}"
        if self.remove_browser(session):
            self._record(None, "push subscription removed", text)

    # Sending

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
        if not self.recipients.has(name):
            return
        error = await self._deliver(message)
        if not self.recipients.has(name):
            return
        was_down = name in self._outbox.errors()
        if error is None:
            gone = self._outbox.succeed(name)
            if was_down:
                text = f"{self.recipients.shown(name)} can be reached again; {len(gone)} messages arrived"
                self._record(None, "alerts told again", text)
        else:
            gone = self._outbox.fail(name, error, self._monotonic_s(), self._unix_s())
            self._tell_failure(name, error, was_down, len(gone))
        try:
            self._kept_messages.remove(message.id for message in gone)
        except sqlite3.Error as failure:
            log.error("= a message may be sent twice: %s", failure)
        self._send_due()

    async def _deliver(self, message: Message) -> str | None:
        """Sends a message now; returns why it failed, or None. A browser that is gone is removed."""
        session = session_of(message.channel)
        if session is None:
            return await self.sender.send(self.recipients.channels[message.channel].url, message.title, message.body)
        await self.browsers.prepare()
        refusal = self.browsers.refusal(session)
        result = PushResult(refusal, is_gone=True) if refusal else await self.browsers.send(session, message)
        if result.is_gone:
            self._drop_browser(session, result.error or GONE)
        return result.error or (GONE if result.is_gone else None)

    def _tell_failure(self, line: str, error: str, was_down: bool, given_up: int) -> None:
        name = self.recipients.shown(line)
        if not was_down:
            log.warning("= alerts cannot be told by %s: %s", name, error)
            self._record(None, "alerts not told", f"{name}: {error}; it is tried again")
        if given_up:
            self._record(None, "alerts not told", f"{name}: {given_up} messages of a day ago are given up")


def _ids_of(alerts: Iterable[Alert]) -> list[str]:
    return [alert.id for alert in alerts]
