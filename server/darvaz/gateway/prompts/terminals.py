"""The terminals of boards whose program is stopped: what code prints is kept until its reader has it."""

from __future__ import annotations

import asyncio

from darvaz.gateway.prompts.typed_input import TypedInput

# Beyond it the oldest is dropped, so that Ctrl-C takes effect at once.
OUTPUT_BYTES_MAX = 262_144


class StoppedTerminal:
    """The terminal of one board while its program is stopped, for one session at its prompt.

    `input_bytes_max` is what the board keeps of what is typed; None: it does not say.
    """

    def __init__(self, session: str, input_bytes_max: int | None = None) -> None:
        self.session = session
        self.typed = TypedInput(input_bytes_max)
        # Whether what is typed has waited too long: the code takes none of it.
        self.is_stuck = False
        # The request whose code runs; None: no code runs.
        self.running: int | None = None
        # The traceback that ended the last code, and the reason if the board refused it or is gone.
        self.error: list[str] = []
        self.reason: str | None = None
        self._output = bytearray()
        # How many bytes came before those in `_output`.
        self._start = 0
        self._changed = asyncio.Event()

    def begin(self, request: int) -> None:
        """Notes that code runs; what the code before it printed is dropped."""
        self.running = request
        self.error, self.reason = [], None
        self.typed.begin()
        self.is_stuck = False
        self._start += len(self._output)
        self._output.clear()

    def add(self, data: bytes) -> None:
        """Takes bytes of the board."""
        self._output += data
        over = len(self._output) - OUTPUT_BYTES_MAX
        if over > 0:
            del self._output[:over]
            self._start += over
        self._wake()

    def end(self, reason: str | None) -> None:
        """Notes that the code is over."""
        self.running, self.reason = None, reason
        self._wake()

    def on_typed(self, taken_bytes: int, is_interrupted: bool | None) -> None:
        """Notes what has become of what was typed; None: the board says nothing of Ctrl-C."""
        self.typed.on_taken(taken_bytes)
        if is_interrupted is not None:
            self.typed.on_interrupted(is_interrupted)
        self.is_stuck = False
        self._wake()

    async def wait_until_fits(self, size: int, wait_s: float) -> bool:
        """Waits until bytes of this size can be typed, or need not be; returns whether that came in time."""
        code, interrupts = self.running, self.typed.interrupts
        if self.is_stuck and not self.typed.is_asking:
            return False
        try:
            async with asyncio.timeout(wait_s):
                while self.running == code and interrupts == self.typed.interrupts and not self.typed.fits(size):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            self.is_stuck = True
        return not self.is_stuck

    def read(self, at: int) -> tuple[bytes, int]:
        """Returns the bytes from a place on, or from the oldest that is kept, and their place.

        What is before that place is not kept any longer.
        """
        over = min(max(at - self._start, 0), len(self._output))
        del self._output[:over]
        self._start += over
        return bytes(self._output), self._start

    async def wait(self, at: int, wait_s: float) -> None:
        """Waits until there is something from a place on, or the code is over."""
        try:
            async with asyncio.timeout(wait_s):
                while self.running is not None and self._start + len(self._output) <= at:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass

    def _wake(self) -> None:
        self._changed.set()
