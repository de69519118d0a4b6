"""Dashboards that people made: titles and cards, kept in the data folder; of two that edit one, the second is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from darvaz.gateway.storage.kept_rows import Kept, new_id

LAYOUTS_TABLE = "layouts"
LAYOUTS_MAX = 50
CARDS_MAX = 60
End = Annotated[float, Meta(ge=-1e15, le=1e15)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]


class Card(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One card: something of a board, or of each board of a group; or a text."""

    kind: Literal["value", "gauge", "plot", "control", "camera", "log", "text"]
    device: Name | None = None
    group: Annotated[Name | None, Meta(description="A card for each board of this group.")] = None
    name: Annotated[Name | None, Meta(description="Of a value or a command.")] = None
    text: Annotated[str, Meta(max_length=1_000, description="The text, or a title in place of the usual one.")] = ""
    is_wide: bool = False
    low: Annotated[End | None, Meta(description="Where a gauge begins; null: 0.")] = None
    high: Annotated[End | None, Meta(description="Where a gauge ends; null: 100.")] = None


class LayoutFields(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A dashboard as people give it."""

    title: Name
    cards: Annotated[list[Card], Meta(max_length=CARDS_MAX)] = []
    edition: Annotated[int, Meta(ge=0, description="The one that was changed; 0 for a new dashboard.")] = 0


class Layout(LayoutFields, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A dashboard with its id; each change has a number."""

    id: str


class TooManyLayoutsError(Exception):
    """There are as many dashboards as a gateway may have."""


class ChangedMeanwhileError(Exception):
    """Somebody else changed the dashboard since it was read."""


class Layouts:
    """The dashboards. Used from the event loop only."""

    def __init__(self, tables: sqlite3.Connection) -> None:
        self._kept = Kept(tables, LAYOUTS_TABLE, Layout)
        self._layouts: dict[str, Layout] | None = None

    @property
    def all(self) -> Mapping[str, Layout]:
        """The dashboards by id, the oldest first."""
        return self._loaded()

    def _loaded(self) -> dict[str, Layout]:
        if self._layouts is None:
            self._layouts = self._kept.load()
        return self._layouts

    def put(self, fields: LayoutFields, layout_id: str | None = None) -> Layout:
        """Adds a dashboard, or replaces one; raises `TooManyLayoutsError` and `ChangedMeanwhileError`."""
        layouts = self._loaded()
        if layout_id is None and len(layouts) >= LAYOUTS_MAX:
            raise TooManyLayoutsError(f"there are {LAYOUTS_MAX} dashboards already: remove some")
        if layout_id is not None and layouts[layout_id].edition != fields.edition:
            raise ChangedMeanwhileError("somebody else changed this dashboard meanwhile: load it again")
        layout = Layout(
            id=layout_id or new_id(), title=fields.title, cards=fields.cards, edition=fields.edition + 1
        )  # fmt: skip
        layouts[layout.id] = layout
        self._kept.put({layout.id: layout})
        return layout

    def remove(self, layout_id: str) -> bool:
        """Removes a dashboard; returns whether there was one."""
        if self._loaded().pop(layout_id, None) is None:
            return False
        self._kept.remove([layout_id])
        return True
