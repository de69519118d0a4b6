"""The messages that wait for their channels: in order, joined while a service is down, and tried again. No I/O."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from darvaz.gateway.alerts.phrases import PHRASES
from darvaz.gateway.alerts.records import Message

MESSAGES_PER_CHANNEL_MAX = 100
# Of which there are many more than channels.
MESSAGES_PER_BROWSER_MAX = 20
# Between two tries: twice as long after each, up to five minutes.
RETRY_FIRST_S, RETRY_MAX_S = 5.0, 300.0
# What is older is of no use to anybody.
AGE_MAX_S = 86_400.0
BODY_CHARS_MAX = 3_000


@dataclass(slots=True)
class _Line:
    """The messages of one channel; times are monotonic seconds."""

    messages: deque[Message] = field(default_factory=deque)
    next_s: float = 0.0
    failures: int = 0
    sending: int = 0
    """How many of the messages are being sent now."""
    dropped: int = 0
    """Messages that were too many, since the last that arrived."""
    error: str = ""
    """Why the last try failed."""


class AlertOutbox:
    """Messages by channel, the oldest first. Used by one thread."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    @property
    def due_s(self) -> float:
        """Returns when `take` has something; infinity for never."""
        lines = self._lines.values()
        return min((line.next_s for line in lines if line.messages and not line.sending), default=math.inf)

    def errors(self) -> dict[str, str]:
        """Returns why channels cannot be reached now, by their names."""
        return {name: line.error for name, line in self._lines.items() if line.error}

    def waiting(self, channel: str) -> int:
        """Returns how many messages wait for a channel."""
        line = self._lines.get(channel)
        return 0 if line is None else len(line.messages)

    def add(self, messages: Iterable[Message], messages_max: int = MESSAGES_PER_CHANNEL_MAX) -> list[Message]:
        """Adds messages, of which `messages_max` may wait for one channel; returns those that were dropped for them."""
        dropped = []
        for message in messages:
            line = self._lines.setdefault(message.channel, _Line())
            line.messages.append(message)
            if len(line.messages) > messages_max:
                # Those that are being sent stay in front.
                at = min(line.sending, len(line.messages) - 1)
                dropped.append(line.messages[at])
                del line.messages[at]
                line.dropped += 1
        return dropped

    def take(self, now_s: float) -> list[Message]:
        """Returns one message for each channel that may be tried now; all that wait for it are joined."""
        taken = []
        for name, line in self._lines.items():
            if line.messages and not line.sending and line.next_s <= now_s:
                line.sending = len(line.messages)
                taken.append(_joined(name, list(line.messages), line.dropped))
        return taken

    def succeed(self, channel: str) -> list[Message]:
        """Notes that what was taken has arrived; returns it."""
        line = self._lines[channel]
        arrived = [line.messages.popleft() for _ in range(line.sending)]
        line.sending = line.failures = line.dropped = 0
        line.next_s, line.error = 0.0, ""
        return arrived

    def fail(self, channel: str, error: str, now_s: float, unix_s: float) -> list[Message]:
        """Notes that a try failed; returns the messages that are too old for another."""
        line = self._lines[channel]
        line.sending, line.error = 0, error
        line.next_s = now_s + min(RETRY_MAX_S, RETRY_FIRST_S * 2.0 ** min(line.failures, 16))
        line.failures += 1
        given_up = []
        while line.messages and unix_s - line.messages[0].unix_s > AGE_MAX_S:
            given_up.append(line.messages.popleft())
        return given_up

    def forget(self, channel: str) -> list[Message]:
        """Forgets a channel; returns its messages."""
        line = self._lines.pop(channel, None)
        return [] if line is None else list(line.messages)


def _joined(channel: str, messages: list[Message], dropped: int) -> Message:
    """Returns messages as one."""
    first = messages[0]
    if len(messages) == 1 and not dropped:
        return first
    phrases = PHRASES[first.language]
    before = [phrases.left_out.format(phrases.digits(str(dropped)))] if dropped else []
    texts = [f"{message.title}\n{message.body}" for message in messages]
    body = "\n\n".join([*before, *texts])
    if len(body) > BODY_CHARS_MAX:
        body = body[:BODY_CHARS_MAX] + "\n…"
    ended = {alert: None for message in messages for alert in message.ended}
    began = {alert: None for message in messages for alert in message.began if alert not in ended}
    return Message(
        id=first.id, channel=channel, unix_s=first.unix_s, language=first.language, body=body,
        title=phrases.messages.format(phrases.digits(str(len(messages)))), began=list(began), ended=list(ended),
    )  # fmt: skip
