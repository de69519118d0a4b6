"""What a test does at the prompt of a virtual board, in a thread: the prompt blocks, the board lives in the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from darvaz.boards.serial import Prompt, SerialError
from darvaz.boards.virtual import VirtualBoard


async def at_prompt(board: VirtualBoard, do: Callable[[Prompt], Any], **more: Any) -> Any:
    """Returns what `do(prompt)` returns; `more` goes to `Prompt.open`."""

    def work() -> Any:
        with Prompt.open(board.port, **more) as prompt:
            return do(prompt)

    return await asyncio.to_thread(work)


async def refusal(board: VirtualBoard, do: Callable[[Prompt], Any], **more: Any) -> SerialError:
    """Returns the error of `do(prompt)`, or of opening the prompt."""
    with pytest.raises(SerialError) as caught:
        await at_prompt(board, do, **more)
    return caught.value
