"""Boards, their numbers, the record log and both databases against a model, in any order of what may happen.

`make model` plays many at random instead of the few that fit into a test run.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.numbering_board import WRAP_MS
from tests.support.record_model import FIRST_UPTIMES_MS, NAMES, Step, check, template_in_memory
from tests.support.record_world import Template


@pytest.fixture(scope="module")
def template() -> Iterator[Template]:
    with template_in_memory() as made:
        yield made


@examples(20)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 19)), max_size=50),
    st.tuples(*[st.sampled_from(FIRST_UPTIMES_MS)] * 2),
)
@example([("say", 5), ("wait", 7), ("cut", 0), ("send", 9)], (WRAP_MS - 30_000, 0))
def test_everything_is_recorded_once_at_its_time_in_any_order(
    template: Template, steps: list[Step], first_uptimes_ms: tuple[int, ...]
) -> None:
    check(steps, first_uptimes_ms, template)
