"""A stub of a device that is online; its commands are the real ones."""

import asyncio
import time

from darvaz.declarations import add_command
from darvaz.declared import Commands


class Log:
    """Keeps each message with its level."""

    def __init__(self):
        self.messages = []

    def __getattr__(self, level):
        return lambda text, error=None: self.messages.append((level, text))


class Device:
    """A device that is online; its commands are the real ones."""

    def __init__(self):
        self.state = "online"
        self.log = Log()
        self.sent = []
        self.answers = []
        self.tasks = []
        self.greetings = []
        self.send_ms = 0
        self.commands = Commands(self.answers.append, self.log, time.ticks_ms)

    def command(self, function=None, **arguments):
        """Declares a command as the real device does."""
        if function is not None:
            return add_command(self.commands, function.__name__, function, {})
        return lambda function: add_command(self.commands, function.__name__, function, arguments)

    def telemetry(self, **about):
        """Accepts a measured value."""
        return lambda function: function

    def on_connect(self, function):
        """Keeps what is called at each welcome."""
        self.greetings.append(function)

    def task(self, function):
        """Keeps a task."""
        self.tasks.append(function)

    async def send_frame(self, frame):
        """Takes a frame as slowly as set, and changes it like masking."""
        if self.state != "online":
            return False
        self.sent.append(bytes(frame))
        for at in range(len(frame)):
            frame[at] = 0
        await asyncio.sleep_ms(self.send_ms)
        return True

    async def ask(self, name, **args):
        """Returns the ack of a command."""
        self.answers.clear()
        self.commands.start(1, name, args)
        while not self.answers:
            await asyncio.sleep_ms(1)
        return self.answers[0]
