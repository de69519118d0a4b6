"""What is typed for code in place of a board's program: sent as the board takes it, with Ctrl-C ahead; without I/O."""

from __future__ import annotations

# In base64 it fits into a packet.
PIECE_BYTES = 768
# What waits at the gateway, beside what the board keeps.
WAITING_BYTES_MAX = 65_536
_CTRL_C = b"\x03"


class TypedInput:
    """The bytes for one code at a time.

    After each `put`, `on_taken` and `on_interrupted`, the caller sends the steps of `take_steps`, in their order.
    `board_bytes_max` is what the board keeps; None: it is too old to tell, and gets all at once.
    """

    def __init__(self, board_bytes_max: int | None) -> None:
        self._board_bytes_max = board_bytes_max
        self._waiting = bytearray()
        # Sent, and not taken as far as the board told.
        self._sent_bytes = 0
        # While the board is asked about a Ctrl-C: how much of `_waiting` that one drops. None: it is not.
        self._asked_bytes: int | None = None
        # How much of `_waiting` has no Ctrl-C, or only such that the code reads as any byte.
        self._plain_bytes = 0
        # Whether a Ctrl-C was in bytes that did not fit.
        self._is_lost = False
        # How often Ctrl-C has dropped what waited.
        self.interrupts = 0

    @property
    def is_asking(self) -> bool:
        """Whether the board is asked about a Ctrl-C."""
        return self._asked_bytes is not None

    def begin(self) -> None:
        """Forgets what was typed for the code before."""
        self._waiting.clear()
        self._sent_bytes = self._plain_bytes = 0
        self._asked_bytes, self._is_lost = None, False

    def fits(self, size: int) -> bool:
        """Whether bytes of this size fit."""
        return len(self._waiting) + size <= WAITING_BYTES_MAX

    def put(self, data: bytes) -> bool:
        """Takes what was typed, and returns whether it fits; of what does not, nothing is kept but a Ctrl-C."""
        if self.fits(len(data)):
            self._waiting += data
            return True
        self._is_lost = self._is_lost or _CTRL_C in data
        return False

    def take_steps(self) -> list[tuple[str, bytes]]:
        """Returns what is to be sent now as steps of the prompt: `input` with its bytes, and `interrupt`."""
        steps: list[tuple[str, bytes]] = []
        # What follows a Ctrl-C is for later: nothing is sent until the board has said whether it is one.
        while self._asked_bytes is None and (size := min(PIECE_BYTES, len(self._waiting), self._free_bytes())) > 0:
            steps.append(("input", bytes(self._waiting[:size])))
            del self._waiting[:size]
            self._sent_bytes += size
            self._plain_bytes = max(0, self._plain_bytes - size)
        if self._board_bytes_max is not None and self._asked_bytes is None:
            after = len(self._waiting) if self._is_lost else self._waiting.rfind(_CTRL_C, self._plain_bytes) + 1
            if after or self._is_lost:
                self._asked_bytes, self._is_lost = after, False
                steps.append(("interrupt", b""))
        return steps

    def on_taken(self, count: int) -> None:
        """The code has taken some bytes."""
        self._sent_bytes = max(0, self._sent_bytes - count)

    def on_interrupted(self, is_interrupted: bool) -> None:
        """The board has answered: Ctrl-C has dropped what was typed before it, or is a byte as any other."""
        before_bytes, self._asked_bytes = self._asked_bytes, None
        if before_bytes is None:
            return
        if is_interrupted:
            del self._waiting[:before_bytes]
            self._sent_bytes = self._plain_bytes = 0
            self.interrupts += 1
        else:
            self._plain_bytes = before_bytes

    def _free_bytes(self) -> int:
        return PIECE_BYTES if self._board_bytes_max is None else self._board_bytes_max - self._sent_bytes
