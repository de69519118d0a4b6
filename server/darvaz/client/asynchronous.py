"""The client for asyncio: the same words as the synchronous one's, to be awaited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from darvaz.client import requests as questions
from darvaz.client.commands import Rules, callable_names, check, refuse_positions
from darvaz.client.config import find_place
from darvaz.client.errors import Busy, GatewayError, Invalid, Unreachable
from darvaz.client.events import Event, EventParser
from darvaz.client.multipart import Multipart, MultipartError
from darvaz.client.requests import Frame, LogLine, Moment, Question
from darvaz.client.transport import (
    AGAIN_FIRST_S,
    AGAIN_MOST_S,
    EVENTS,
    FRAMES,
    SILENCE_S,
    answer_of,
    check_media_type,
    refusal,
    request_of,
    settings,
    unreachable,
)


class AsyncGateway:
    """A gateway: `await gw["pan-tilt"].pan(angle=90)`; address and token as of `Gateway`."""

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        self._place = find_place(url, token)
        self._http = httpx.AsyncClient(**settings(self._place))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncGateway({self._place.url!r})"

    def __getitem__(self, name: str) -> AsyncDevice:
        return AsyncDevice(self, name)

    async def __aiter__(self) -> AsyncIterator[AsyncDevice]:
        for device in await self.devices():
            yield device

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def ask(self, question: Question) -> Any:
        """Asks, and returns what the answer says; raises `GatewayError`."""
        try:
            response = await self._http.request(**request_of(question))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(self._place, error) from None
        return answer_of(question, response)

    async def devices(self) -> list[AsyncDevice]:
        """Returns every device that was ever here."""
        return [AsyncDevice(self, about["id"], about) for about in await self.ask(questions.devices())]

    async def journal(self, limit: int = 100, **filters: Any) -> list[dict[str, Any]]:
        """Returns the newest rows of the journal: `device`, `kind`, `type`, `direction`, `from_`, `to`, `before`."""
        return list(await self.ask(questions.journal(limit, **filters)))

    async def tokens(self) -> list[dict[str, Any]]:
        """Returns every token, without its secret."""
        return list(await self.ask(questions.tokens()))

    async def issue_token(
        self, kind: str, label: str = "", device: str | None = None, expires_days: float | None = None
    ) -> str:
        """Issues a token and returns it, this once."""
        return str(await self.ask(questions.issue_token(kind, label, device, expires_days)))

    async def revoke_token(self, token: str) -> None:
        """Ends a token for good, by its id."""
        await self.ask(questions.revoke_token(token))

    async def enrol(self, minutes: float = 15) -> dict[str, Any]:
        """Lets new boards fetch a token for some minutes."""
        return dict(await self.ask(questions.enrol(minutes)))

    async def health(self) -> dict[str, Any]:
        """Returns how the gateway is."""
        return dict(await self.ask(questions.health()))

    async def events(self, *types: str, device: str | None = None) -> AsyncIterator[Event]:
        """Yields what happens from now on, of these types or all, for ever; goes on by itself where it was cut off.

        Raises `GatewayError` when the gateway refuses, not when it is away for a while.
        """
        parser, wait_s, was_here = EventParser(), AGAIN_FIRST_S, False
        query = {key: value for key, value in (("types", ",".join(types)), ("device", device)) if value}
        while True:
            try:
                async with contextlib.aclosing(self._stream_events(parser, query)) as stream:
                    async for event in stream:
                        wait_s, was_here = AGAIN_FIRST_S, True
                        yield event
            except (Unreachable, Busy):
                if not was_here:
                    raise
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, AGAIN_MOST_S)

    async def _stream_events(self, parser: EventParser, query: Mapping[str, str]) -> Any:
        headers = {"Last-Event-ID": parser.last_id} if parser.last_id else {}
        timeout = httpx.Timeout(SILENCE_S)
        try:
            async with self._http.stream(
                "GET", "/api/events", params=query, headers=headers, timeout=timeout
            ) as response:
                await self._look_at(response, EVENTS)
                async for text in response.aiter_text():
                    for event in parser.receive(text):
                        yield event
        except httpx.HTTPError as error:
            raise unreachable(self._place, error) from None
        finally:
            parser.begin_again()

    async def _stream_frames(self, name: str, query: Mapping[str, str]) -> AsyncIterator[Frame]:
        path, parser = questions.path_of("devices", name, "stream.mjpeg"), Multipart()
        try:
            async with self._http.stream("GET", path, params=query, timeout=httpx.Timeout(SILENCE_S)) as response:
                await self._look_at(response, FRAMES)
                async for data in response.aiter_raw():
                    for frame in parser.receive(data):
                        yield Frame(*frame)
        except httpx.HTTPError as error:
            raise unreachable(self._place, error) from None
        except MultipartError as error:
            raise GatewayError(f"what came is no stream of a Darvaz gateway: {error}") from None

    @staticmethod
    async def _look_at(response: httpx.Response, media_type: str) -> None:
        if not response.is_success:
            await response.aread()
            raise refusal(response)
        check_media_type(response, media_type)


class AsyncDevice:
    """A device of a gateway; the commands that its board declared are its functions, to be awaited."""

    def __init__(self, gateway: AsyncGateway, name: str, about: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self._gateway = gateway
        self._about = about

    def __repr__(self) -> str:
        return f"<AsyncDevice {self.name!r}>"

    def __getattr__(self, command: str) -> Any:
        if command.startswith("_"):
            raise AttributeError(command)

        async def call(*positions: Any, **args: Any) -> Any:
            if positions:
                raise refuse_positions(command, (await self.commands()).get(command, {}))
            return await self.command(command, **args)

        return call

    def __dir__(self) -> list[str]:
        known = self._about["commands"] if self._about is not None else {}
        return [*super().__dir__(), *callable_names(known)]

    async def about(self) -> dict[str, Any]:
        """Returns what the gateway knows of it: `online`, `label`, `address`, `commands`, `values` …"""
        self._about = await self._gateway.ask(questions.device(self.name))
        return dict(self._about)

    @property
    async def online(self) -> bool:
        """Whether it is here now; to be awaited."""
        return bool((await self.about())["online"])

    async def commands(self) -> dict[str, Rules]:
        """Returns the commands that its board declared, with their arguments."""
        about = self._about if self._about is not None else await self.about()
        return dict(about["commands"])

    async def command(self, name: str, /, **args: Any) -> Any:
        """Asks the board to do something and returns its result; for names that Python or this class has taken."""
        if self._about is not None:
            try:
                check(name, self._about["commands"].get(name, {}), args)
            except Invalid:
                # The board may have a newer program by now.
                check(name, (await self.about())["commands"].get(name, {}), args)
        return await self._gateway.ask(questions.command(self.name, name, args))

    async def telemetry(
        self,
        name: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        points: int | None = None,
    ) -> Any:
        """Returns the newest value of each name as a dictionary; of one name, its `Point`s over time (a day)."""
        if name is None:
            return await self._gateway.ask(questions.latest(self.name))
        return await self._gateway.ask(questions.plot(self.name, name, since, until, points))

    async def log(self, limit: int = 100, since: Moment | None = None) -> list[LogLine]:
        """Returns the newest lines of its log, oldest first."""
        return list(await self._gateway.ask(questions.log(self.name, limit, since)))

    def events(self, *types: str) -> AsyncIterator[Event]:
        """Yields what happens to this device from now on."""
        return self._gateway.events(*types, device=self.name)

    async def snapshot(self) -> bytes:
        """Returns a fresh picture, a JPEG."""
        return bytes(await self._gateway.ask(questions.snapshot(self.name)))

    def stream(
        self, fps: float | None = None, size: str | None = None, quality: int | None = None
    ) -> AsyncIterator[Frame]:
        """Yields pictures as they come, at the rate that is asked for as far as the link bears it."""
        wish = {"fps": fps, "size": size, "quality": quality}
        return self._gateway._stream_frames(self.name, {key: str(value) for key, value in wish.items() if value})

    async def rename(self, label: str | None) -> None:
        """Gives it a name for people, or takes it away."""
        await self._gateway.ask(questions.label(self.name, label))

    async def forget(self) -> None:
        """Ends its link, revokes its tokens and deletes its history."""
        await self._gateway.ask(questions.forget(self.name))
