"""How a command can fail; `status` is the HTTP status that says the same."""

from __future__ import annotations


class CommandError(Exception):
    """A command that did not end well; the text is a sentence for people."""

    status = 500
    code = "command_failed"


class UnknownDeviceError(CommandError):
    """The gateway has never seen a device of this id."""

    status = 404
    code = "unknown_device"


class OfflineError(CommandError):
    """The device is known, but has no link now, or lost it before it answered."""

    status = 503
    code = "offline"


class BusyError(CommandError):
    """Too many commands of this device wait for their acknowledgement."""

    status = 429
    code = "busy"


class TimedOutError(CommandError):
    """No acknowledgement came in time; the device may still carry the command out."""

    status = 504
    code = "timed_out"


class RefusedByBoardError(CommandError):
    """The device answered that it could not."""

    status = 502
    code = "refused_by_board"


class InvalidCommandError(CommandError):
    """The command's name or arguments are not what the protocol or the device allows."""

    status = 422
    code = "invalid"
