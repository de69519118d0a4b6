"""The load generator in C, for the tests of this folder."""

from __future__ import annotations

import pytest

from bench.c_programs import NoCompilerError, find_compiler
from bench.generator import Generator
from tests.support.needs import missing


@pytest.fixture(scope="session")
def generator() -> Generator:
    try:
        find_compiler()
    except NoCompilerError as error:
        missing(str(error))
    return Generator(core=None)
