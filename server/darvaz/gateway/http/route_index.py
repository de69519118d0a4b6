"""Routes by the shape of their path: the router would otherwise try each of a hundred in turn for every request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute, Match, Route, Router, WebSocketRoute
from starlette.types import Receive, Scope, Send

# The number of words of a path, and the first two of them.
_Shape = tuple[int, str]


class IndexedRouter(Router):
    """A router whose routes have a fixed number of words, the first two of them without parameters."""

    def __init__(self, routes: Sequence[BaseRoute], **options: Any) -> None:
        super().__init__(routes, redirect_slashes=False, **options)
        self._by_shape: dict[_Shape, list[Route | WebSocketRoute]] = {}
        for route in routes:
            assert isinstance(route, Route | WebSocketRoute)
            self._by_shape.setdefault(_shape_of(route.path), []).append(route)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super().app(scope, receive, send)
            return
        found: Route | WebSocketRoute | None = None
        found_scope: Scope = {}
        for route in self._by_shape.get(_shape_of(scope["path"]), ()):
            match, child_scope = route.matches(scope)
            if match is Match.FULL or (match is Match.PARTIAL and found is None):
                found, found_scope = route, child_scope
            if match is Match.FULL:
                break
        if found is None:
            await self.default(scope, receive, send)
            return
        scope.update(found_scope)
        await found.handle(scope, receive, send)


def _shape_of(path: str) -> _Shape:
    words = path.split("/", 3)
    return path.count("/"), "/".join(words[1:3])
