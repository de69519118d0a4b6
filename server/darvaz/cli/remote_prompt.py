"""Files and code of boards elsewhere, for the verbs: `DEVICE:path`, and a board's own errors as sentences."""

from __future__ import annotations

import binascii
import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import click

from darvaz.boards.serial import Reason, SerialError
from darvaz.boards.serial.files import FILE_BYTES_MAX, Files
from darvaz.boards.serial.transport import code_failed
from darvaz.cli.boards import explained
from darvaz.cli.remote import client_of
from darvaz.client.prompt import RemotePrompt

# A multiple of three, so that base64 needs no padding in between.
_STEP_BYTES = 4_608
_READ = """
import binascii
with open({path!r}, 'rb') as _f:
    _f.seek({at})
    for _n in range({size} // 768):
        _b = _f.read(768)
        if not _b:
            break
        print(binascii.b2a_base64(_b).decode(), end='')
"""


class RemotePath(NamedTuple):
    """A path on a device; relative ones are from its root."""

    device: str
    path: str


def remote_path(text: str) -> RemotePath | None:
    """Returns the device and the path of DEVICE:path; None for any other text, such as a path of this machine."""
    device, colon, path = text.partition(":")
    if not colon or not device or "/" in device or "\\" in device or len(device) == 1:
        # One letter before a colon is a drive of Windows.
        return None
    return RemotePath(device, "/" + path.strip("/"))


def needed_path(context: click.Context, argument: click.Parameter, value: str) -> RemotePath:
    """Returns DEVICE:path of an argument, as its callback."""
    found = remote_path(value)
    if found is None:
        raise click.BadParameter(f"{value!r}: expected DEVICE:path, such as lamp:/main.py")
    return found


@contextlib.contextmanager
def remote_files(gateway: str, device: str) -> Iterator[Files]:
    """Lends the file system of a device, while its program goes on; errors become sentences."""
    with client_of(gateway) as client, explained(), RemotePrompt(client, device) as prompt:

        def run(code: str, deadline_s: float) -> str:
            output, error = prompt.run(code)
            if error is not None:
                raise code_failed(error)
            return output

        yield _RemoteFiles(run)


class _RemoteFiles(Files):
    """Reads files in steps: a board keeps what code prints until it ends."""

    def read_file(self, path: str) -> bytes:
        """Returns the content of a file."""
        data = bytearray()
        while True:
            code = _READ.format(path=path, at=len(data), size=_STEP_BYTES)
            try:
                step = binascii.a2b_base64("".join(self._run(code).split()))
            except ValueError:
                raise SerialError(Reason.DAMAGED, f"the board's answer for {path} is damaged: run this again") from None
            data += step
            if len(step) < _STEP_BYTES:
                return bytes(data)
            if len(data) > FILE_BYTES_MAX:
                raise SerialError(Reason.NO_SPACE, f"{path} has more than {FILE_BYTES_MAX} bytes")
