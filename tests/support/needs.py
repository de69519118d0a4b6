"""What a test needs of the machine: if it is missing, a person's run skips and continuous integration fails."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

VARIABLE = "CI"


def missing(sentence: str) -> NoReturn:
    """Ends a test that cannot run here; `.ci/run` sets CI, and there no test may be left out unnoticed."""
    if os.environ.get(VARIABLE):
        pytest.fail(f"{sentence}; continuous integration must have it", pytrace=False)
    pytest.skip(sentence)
