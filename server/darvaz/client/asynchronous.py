"""The client for asyncio: the same words as the synchronous one's, to be awaited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from darvaz.client import requests
from darvaz.client.answers import AnswerError, GatewayAnswer, strange
from darvaz.client.commands import Rules, callable_names, check, refuse_positions
from darvaz.client.config import GatewayConfig, find_gateway
from darvaz.client.deadline import opened_async
from darvaz.client.errors import Busy, GatewayError, Invalid, Unreachable
from darvaz.client.events import EventParser, GatewayEvent
from darvaz.client.groups import AsyncGroup
from darvaz.client.multipart import Multipart, MultipartError
from darvaz.client.page_requests import states
from darvaz.client.readings import Changes, Points
from darvaz.client.requests import ApiRequest, CameraFrame, LogLine, Page, TimeSpec
from darvaz.client.transport import (
    DEADLINE_S,
    EVENTS,
    FRAMES,
    IDENTITY,
    REQUESTS_AT_ONCE_MAX,
    RETRY_FIRST_S,
    RETRY_MAX_S,
    SILENCE_MAX_S,
    PageCollector,
    body_reader,
    check_stream,
    client_options,
    deadline_of,
    refusal,
    request_options,
    result_of,
    unreachable,
    whole_answer,
)
from darvaz.client.types import DeviceInfo, EnrolmentInfo, GroupInfo, HealthInfo, JournalEntry, TokenInfo


class AsyncGateway:
    """A gateway: `await gw["pan-tilt"].pan(angle=90)`; address and token as of `Gateway`."""

    def __init__(
        self, url: str | None = None, token: str | None = None, *, config: GatewayConfig | None = None
    ) -> None:
        self._config = config or find_gateway(url, token)
        self._http = httpx.AsyncClient(**client_options(self._config))
        # The gateway closes connections of an address that opens too many at once.
        self._turns = asyncio.Semaphore(REQUESTS_AT_ONCE_MAX)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncGateway({self._config.url!r})"

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self._config.url

    def __getitem__(self, name: str) -> AsyncDevice:
        return AsyncDevice(self, name)

    async def __aiter__(self) -> AsyncIterator[AsyncDevice]:
        for device in await self.devices():
            yield device

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def ask(self, request: ApiRequest) -> Any:
        """Sends a request and returns its result, all pages of it; raises `GatewayError`."""
        result, size_bytes = await self._ask_once(request)
        if not isinstance(result, Page):
            return result
        pages = PageCollector(self._config)
        while (following := pages.receive(result, size_bytes)) is not None:
            result, size_bytes = await self._ask_once(following)
        return pages.items

    async def _ask_once(self, request: ApiRequest) -> tuple[Any, int]:
        """Returns the result of one request, and how many bytes it was."""
        try:
            deadline_s = deadline_of(request)
            async with self._turns, opened_async(self._http, deadline_s, **request_options(request)) as response:
                answer = await self._read(response, deadline_s)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(self._config, error) from None
        return result_of(request, answer), len(answer.content)

    async def devices(self) -> list[AsyncDevice]:
        """Returns every device that ever connected."""
        return [AsyncDevice(self, about["id"], about) for about in await self.ask(requests.devices())]

    def group(self, name: str) -> AsyncGroup[AsyncDevice]:
        """Returns the devices of a group as one: `gw.group("green").led(on=True)`."""
        return AsyncGroup(self, name)

    async def groups(self) -> list[GroupInfo]:
        """Returns every group, with its devices."""
        groups: list[GroupInfo] = await self.ask(requests.groups())
        return groups

    async def journal(self, limit: int = 100, **filters: Any) -> list[JournalEntry]:
        """Returns the newest entries of the journal.

        Filters: `device`, `kind`, `type`, `direction`, `from_`, `to`, `before`.
        """
        entries: list[JournalEntry] = await self.ask(requests.journal(limit, **filters))
        return entries

    async def tokens(self) -> list[TokenInfo]:
        """Returns every token, without its secret."""
        tokens: list[TokenInfo] = await self.ask(requests.tokens())
        return tokens

    async def issue_token(
        self, kind: str, label: str = "", device: str | None = None, expires_days: float | None = None
    ) -> str:
        """Issues a token and returns its text, which is shown only once."""
        return str((await self.ask(requests.issue_token(kind, label, device, expires_days)))["token"])

    async def revoke_token(self, token: str) -> None:
        """Revokes a token, by its id."""
        await self.ask(requests.revoke_token(token))

    async def enrol(self, minutes: float = 15) -> EnrolmentInfo:
        """Opens the enrolment window: for some minutes, new boards get a token."""
        info: EnrolmentInfo = await self.ask(requests.enrol(minutes))
        return info

    async def health(self) -> HealthInfo:
        """Returns the state of the gateway."""
        info: HealthInfo = await self.ask(requests.health())
        return info

    async def events(self, *types: str, device: str | None = None) -> AsyncIterator[GatewayEvent]:
        """Yields events from now on, without end, of these types or all; reconnects and goes on where it stopped.

        Raises `GatewayError` when the gateway refuses, or is away at the start.
        """
        parser, wait_s, was_connected = EventParser(), RETRY_FIRST_S, False
        query = {key: value for key, value in (("types", ",".join(types)), ("device", device)) if value}
        while True:
            try:
                async with contextlib.aclosing(self._stream_events(parser, query)) as stream:
                    async for event in stream:
                        wait_s, was_connected = RETRY_FIRST_S, True
                        yield event
            except (Unreachable, Busy):
                if not was_connected:
                    raise
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, RETRY_MAX_S)

    async def _stream_events(self, parser: EventParser, query: Mapping[str, str]) -> Any:
        headers = {**IDENTITY, **({"Last-Event-ID": parser.last_id} if parser.last_id else {})}
        options = {"method": "GET", "url": "/api/events", "params": query, "headers": headers, "timeout": SILENCE_MAX_S}
        try:
            async with opened_async(self._http, DEADLINE_S, **options) as response:
                await self._check(response, EVENTS)
                async for data in response.aiter_raw():
                    for event in parser.receive_bytes(data):
                        yield event
        except httpx.HTTPError as error:
            raise unreachable(self._config, error) from None
        finally:
            parser.restart()

    async def _stream_frames(self, name: str, query: Mapping[str, str]) -> AsyncIterator[CameraFrame]:
        async with self.open_frames(name, query, SILENCE_MAX_S) as frames:
            async for frame in frames:
                yield frame

    @contextlib.asynccontextmanager
    async def open_frames(
        self, name: str, query: Mapping[str, str], silence_max_s: float | None
    ) -> AsyncIterator[AsyncIterator[CameraFrame]]:
        """Opens the stream of a camera and lends its frames; both raise `GatewayError`."""
        path, timeout = requests.path_of("devices", name, "stream.mjpeg"), httpx.Timeout(DEADLINE_S, read=silence_max_s)
        options = {"method": "GET", "url": path, "params": query, "headers": IDENTITY, "timeout": timeout}
        try:
            async with opened_async(self._http, DEADLINE_S, **options) as response:
                await self._check(response, FRAMES)
                yield _frames_of(response)
        except httpx.HTTPError as error:
            raise unreachable(self._config, error) from None
        except MultipartError as error:
            raise GatewayError(f"the answer is not a stream of a Darvaz gateway: {error}") from None

    async def _read(self, response: httpx.Response, deadline_s: float) -> GatewayAnswer:
        """Reads a whole answer; raises `GatewayError` for one that is too long or too slow."""
        try:
            reader = body_reader(response, deadline_s)
            async for data in response.aiter_raw():
                reader.receive(data)
            return whole_answer(response, reader.body())
        except AnswerError as error:
            raise strange(response.url.host, f"the answer: {error}", response.status_code) from None

    async def _check(self, response: httpx.Response, media_type: str) -> None:
        if not response.is_success:
            raise refusal(await self._read(response, DEADLINE_S))
        check_stream(response, media_type)


async def _frames_of(response: httpx.Response) -> AsyncIterator[CameraFrame]:
    parser = Multipart()
    async for data in response.aiter_raw():
        for frame in parser.receive(data):
            yield CameraFrame(*frame)


class AsyncDevice:
    """A device of a gateway; the commands that its board declared are its functions, to be awaited."""

    def __init__(self, gateway: AsyncGateway, name: str, about: DeviceInfo | None = None) -> None:
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

    async def about(self) -> DeviceInfo:
        """Returns what the gateway knows about it: `online`, `label`, `address`, `commands`, `values` …"""
        about: DeviceInfo = await self._gateway.ask(requests.device(self.name))
        self._about = about
        return about.copy()

    @property
    async def online(self) -> bool:
        """Whether it is online now; to be awaited."""
        return bool((await self.about())["online"])

    async def commands(self) -> dict[str, Rules]:
        """Returns the commands that the board declared, with their arguments."""
        about = self._about if self._about is not None else await self.about()
        return dict(about["commands"])

    async def command(self, name: str, /, **args: Any) -> Any:
        """Sends a command and returns its result; for names that are not attributes, or mean something else here."""
        if self._about is not None:
            try:
                check(name, self._about["commands"].get(name, {}), args)
            except Invalid:
                # The board may run a newer program now.
                check(name, (await self.about())["commands"].get(name, {}), args)
        return await self._gateway.ask(requests.command(self.name, name, args))

    async def telemetry(
        self,
        name: str | None = None,
        since: TimeSpec | None = None,
        until: TimeSpec | None = None,
        points: int | None = None,
    ) -> Any:
        """Returns the newest value of each name as a dictionary; of one name, its points over time (a day).

        Lists with `to_pandas()`: of a number or truth value `Point`s, of a text its changes: time and text.
        """
        if name is None:
            return await self._gateway.ask(requests.latest(self.name))
        found = Points(await self._gateway.ask(requests.plot(self.name, name, since, until, points)))
        return found or Changes(await self._gateway.ask(states(self.name, name, since, until))) or found

    async def log(self, limit: int = 100, since: TimeSpec | None = None) -> list[LogLine]:
        """Returns the newest lines of its log, oldest first."""
        return list(await self._gateway.ask(requests.log(self.name, limit, since)))

    def events(self, *types: str) -> AsyncIterator[GatewayEvent]:
        """Yields the events of this device from now on."""
        return self._gateway.events(*types, device=self.name)

    async def snapshot(self) -> bytes:
        """Returns a new frame of its camera, a JPEG."""
        frame: CameraFrame = await self._gateway.ask(requests.snapshot(self.name))
        return frame.data

    def stream(
        self, fps: float | None = None, size: str | None = None, quality: int | None = None
    ) -> AsyncIterator[CameraFrame]:
        """Yields frames as they arrive, at this rate or at the lower one that the link allows."""
        params = {"fps": fps, "size": size, "quality": quality}
        return self._gateway._stream_frames(self.name, {key: str(value) for key, value in params.items() if value})

    async def rename(self, label: str | None) -> None:
        """Sets its label, or removes it with None."""
        await self._gateway.ask(requests.label(self.name, label))

    async def forget(self) -> None:
        """Closes its link, revokes its tokens and deletes its history."""
        await self._gateway.ask(requests.forget(self.name))
