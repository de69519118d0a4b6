"""What the board library uses of this module, which only CPython has: there its log is tested, too."""

from typing import TextIO

def print_exception(exc: BaseException, /, *, file: TextIO | None = None) -> None: ...
