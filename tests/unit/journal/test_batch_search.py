"""Groups of a batch found as bytes, and made into lines, beside a look at every entry."""

from __future__ import annotations

import csv
import io
from itertools import chain
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from darvaz.gateway.journal.batch_search import needles_of, search
from darvaz.gateway.journal.batches import EntryGroup, dump, fields_of
from darvaz.gateway.journal.export_lines import _csv, _harmless
from darvaz.gateway.journal.queries import JournalFilter, Row, Stretch, matches
from tests.support.examples import examples

FIRST_ID = 7
# What JSON, CSV and spreadsheets take for something else, and the bytes that entries and groups begin and end with.
TEXTS = st.text(st.sampled_from('[]",\\{}1<>=;+\u2028'), max_size=20)
ENTRIES = st.lists(st.tuples(st.sampled_from("<>="), TEXTS, TEXTS), max_size=4)
GROUPS = st.lists(
    st.tuples(st.integers(0, 10), st.none() | TEXTS, st.none() | TEXTS, TEXTS, ENTRIES), min_size=1, max_size=6
)


def rows_of(first_id: int, group: EntryGroup) -> list[Row]:
    return [Row(number, *fields) for number, fields in enumerate(fields_of(group), first_id)]


def numbered(groups: list[EntryGroup]) -> list[tuple[int, EntryGroup]]:
    firsts = [FIRST_ID + sum(len(group[4]) for group in groups[:index]) for index in range(len(groups))]
    return list(zip(firsts, groups, strict=True))


@examples(100)
@given(groups=GROUPS, data=st.data(), newest=st.booleans())
def test_a_search_finds_what_a_look_at_every_entry_finds(groups: Any, data: st.DataObject, newest: bool) -> None:
    rows = list(chain(*(rows_of(*each) for each in numbered(groups))))
    like = data.draw(st.sampled_from([Row(0, 0, "a", "b", "", "<", "", "", 0), *rows]))
    names = data.draw(st.sets(st.sampled_from(("device", "kind", "type", "direction"))))
    wanted = JournalFilter(**{name: getattr(like, name) for name in names})

    needles = needles_of(wanted.device, wanted.kind, wanted.type, wanted.direction)
    found = list(search(dump(groups, str).decode(), FIRST_ID, len(rows), needles, newest=newest))

    order = -1 if newest else 1
    shown = list(chain(*(rows_of(*each) for each in found[::order])))
    assert [row for row in shown if matches(row, wanted)] == [row for row in rows if matches(row, wanted)]
    assert [row for row in rows if row in shown] == shown


@examples(100)
@given(groups=GROUPS)
def test_a_table_has_each_text_in_a_cell_of_its_own(groups: Any) -> None:
    table = _csv(Stretch(numbered(groups), None), JournalFilter()).decode()

    cells = list(csv.reader(io.StringIO(table, newline="")))

    rows = list(chain(*(rows_of(*each) for each in numbered(groups))))
    assert [row[0] for row in cells] == [str(row.id) for row in rows]
    assert [(row[6], row[7]) for row in cells] == [(_harmless(row.type), _harmless(row.payload)) for row in rows]
