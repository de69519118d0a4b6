"""The client for programs that wait: `Gateway`, its devices, and their commands as functions."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from darvaz.client import requests
from darvaz.client.answers import AnswerError, GatewayAnswer, strange
from darvaz.client.commands import Rules, callable_names, check, description_of, refuse_positions, signature_of
from darvaz.client.config import GatewayConfig, find_gateway
from darvaz.client.deadline import DeadlineTransport, opened
from darvaz.client.errors import Busy, GatewayError, Invalid, Unreachable
from darvaz.client.events import EventParser, GatewayEvent
from darvaz.client.groups import Group
from darvaz.client.multipart import Multipart, MultipartError
from darvaz.client.page_requests import states
from darvaz.client.readings import Changes, Points
from darvaz.client.requests import ApiRequest, CameraFrame, LogLine, Page, TimeSpec
from darvaz.client.transport import (
    DEADLINE_S,
    DOWNLOADS,
    EVENTS,
    FRAMES,
    IDENTITY,
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


class Gateway:
    """A gateway: `gw["pan-tilt"].pan(angle=90)`.

    Without an address: `DARVAZ_GATEWAY`, else the one of `darvaz login`, else this machine's; the token likewise
    (`DARVAZ_TOKEN`). Used as a context it closes its connections at the end. Errors are `GatewayError`s.
    """

    def __init__(
        self, url: str | None = None, token: str | None = None, *, config: GatewayConfig | None = None
    ) -> None:
        self._config = config or find_gateway(url, token)
        options = client_options(self._config)
        self._http = httpx.Client(**options, transport=DeadlineTransport(options["verify"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Gateway({self._config.url!r})"

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self._config.url

    def __getitem__(self, name: str) -> Device:
        return Device(self, name)

    def __iter__(self) -> Iterator[Device]:
        return iter(self.devices())

    def __contains__(self, device: object) -> bool:
        name = device.name if isinstance(device, Device) else device
        return any(known.name == name for known in self.devices())

    def _ipython_key_completions_(self) -> list[str]:
        return [device.name for device in self.devices()]

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def ask(self, request: ApiRequest) -> Any:
        """Sends a request and returns its result, all pages of it; raises `GatewayError`."""
        result, size_bytes = self._ask_once(request)
        if not isinstance(result, Page):
            return result
        pages = PageCollector(self._config)
        while (following := pages.receive(result, size_bytes)) is not None:
            result, size_bytes = self._ask_once(following)
        return pages.items

    def _ask_once(self, request: ApiRequest) -> tuple[Any, int]:
        """Returns the result of one request, and how many bytes it was."""
        try:
            with opened(self._http, deadline_of(request), **request_options(request)) as response:
                answer = self._read(response, deadline_of(request))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(self._config, error) from None
        return result_of(request, answer), len(answer.content)

    def devices(self) -> list[Device]:
        """Returns every device that ever connected."""
        return [Device(self, about["id"], about) for about in self.ask(requests.devices())]

    def group(self, name: str) -> Group[Device]:
        """Returns the devices of a group as one: `gw.group("green").led(on=True)`."""
        return Group(self, name)

    def groups(self) -> list[GroupInfo]:
        """Returns every group, with its devices."""
        groups: list[GroupInfo] = self.ask(requests.groups())
        return groups

    def journal(self, limit: int = 100, **filters: Any) -> list[JournalEntry]:
        """Returns the newest entries of the journal.

        Filters: `device`, `kind`, `type`, `direction`, `from_`, `to`, `before`.
        """
        entries: list[JournalEntry] = self.ask(requests.journal(limit, **filters))
        return entries

    def tokens(self) -> list[TokenInfo]:
        """Returns every token, without its secret."""
        tokens: list[TokenInfo] = self.ask(requests.tokens())
        return tokens

    def issue_token(
        self, kind: str, label: str = "", device: str | None = None, expires_days: float | None = None
    ) -> str:
        """Issues a token and returns its text, which is shown only once."""
        return str(self.ask(requests.issue_token(kind, label, device, expires_days))["token"])

    def revoke_token(self, token: str) -> None:
        """Revokes a token, by its id."""
        self.ask(requests.revoke_token(token))

    def enrol(self, minutes: float = 15) -> EnrolmentInfo:
        """Opens the enrolment window: for some minutes, new boards get a token."""
        info: EnrolmentInfo = self.ask(requests.enrol(minutes))
        return info

    def health(self) -> HealthInfo:
        """Returns the state of the gateway."""
        info: HealthInfo = self.ask(requests.health())
        return info

    def events(self, *types: str, device: str | None = None) -> Iterator[GatewayEvent]:
        """Yields events from now on, without end, of these types or all; reconnects and goes on where it stopped.

        Raises `GatewayError` when the gateway refuses, or is away at the start.
        """
        parser, wait_s, was_connected = EventParser(), RETRY_FIRST_S, False
        query = {key: value for key, value in (("types", ",".join(types)), ("device", device)) if value}
        while True:
            try:
                for event in self._stream_events(parser, query):
                    wait_s, was_connected = RETRY_FIRST_S, True
                    yield event
            except (Unreachable, Busy):
                if not was_connected:
                    raise
            time.sleep(wait_s)
            wait_s = min(wait_s * 2, RETRY_MAX_S)

    def download(self, request: ApiRequest) -> Iterator[bytes]:
        """Yields a file of any length as it arrives; raises `GatewayError`."""
        options = request_options(request) | {"headers": IDENTITY, "timeout": httpx.Timeout(SILENCE_MAX_S)}
        try:
            with opened(self._http, DEADLINE_S, **options) as response:
                self._check(response, DOWNLOADS)
                yield from response.iter_raw()
        except httpx.HTTPError as error:
            raise unreachable(self._config, error) from None

    def _stream_events(self, parser: EventParser, query: Mapping[str, str]) -> Iterator[GatewayEvent]:
        headers = {**IDENTITY, **({"Last-Event-ID": parser.last_id} if parser.last_id else {})}
        options = {"method": "GET", "url": "/api/events", "params": query, "headers": headers, "timeout": SILENCE_MAX_S}
        try:
            with opened(self._http, DEADLINE_S, **options) as response:
                self._check(response, EVENTS)
                for data in response.iter_raw():
                    yield from parser.receive_bytes(data)
        except httpx.HTTPError as error:
            raise unreachable(self._config, error) from None
        finally:
            parser.restart()

    def _stream_frames(self, name: str, query: Mapping[str, str]) -> Iterator[CameraFrame]:
        path, parser = requests.path_of("devices", name, "stream.mjpeg"), Multipart()
        options = {"method": "GET", "url": path, "params": query, "headers": IDENTITY, "timeout": SILENCE_MAX_S}
        try:
            with opened(self._http, DEADLINE_S, **options) as response:
                self._check(response, FRAMES)
                for data in response.iter_raw():
                    yield from (CameraFrame(*frame) for frame in parser.receive(data))
        except httpx.HTTPError as error:
            raise unreachable(self._config, error) from None
        except MultipartError as error:
            raise GatewayError(f"the answer is not a stream of a Darvaz gateway: {error}") from None

    def _read(self, response: httpx.Response, deadline_s: float) -> GatewayAnswer:
        """Reads a whole answer; raises `GatewayError` for one that is too long or too slow."""
        try:
            reader = body_reader(response, deadline_s)
            for data in response.iter_raw():
                reader.receive(data)
            return whole_answer(response, reader.body())
        except AnswerError as error:
            raise strange(response.url.host, f"the answer: {error}", response.status_code) from None

    def _check(self, response: httpx.Response, media_types: str | tuple[str, ...]) -> None:
        if not response.is_success:
            raise refusal(self._read(response, DEADLINE_S))
        check_stream(response, media_types)


class Device:
    """A device of a gateway; the commands that its board declared are its functions."""

    def __init__(self, gateway: Gateway, name: str, about: DeviceInfo | None = None) -> None:
        self.name = name
        self._gateway = gateway
        self._about = about

    def __repr__(self) -> str:
        return f"<Device {self.name!r}>"

    def __getattr__(self, command: str) -> Command:
        if command.startswith("_"):
            raise AttributeError(command)
        return Command(self, command)

    def __dir__(self) -> list[str]:
        # Completion at a prompt shows the names that are known, and never an error.
        with contextlib.suppress(GatewayError):
            self.about()
        return [*super().__dir__(), *callable_names(self._about["commands"] if self._about is not None else {})]

    def about(self) -> DeviceInfo:
        """Returns what the gateway knows about it: `online`, `label`, `address`, `commands`, `values` …"""
        about: DeviceInfo = self._gateway.ask(requests.device(self.name))
        self._about = about
        return about.copy()

    @property
    def online(self) -> bool:
        """Whether it is online now."""
        return bool(self.about()["online"])

    def commands(self) -> dict[str, Rules]:
        """Returns the commands that the board declared, with their arguments."""
        about = self._about if self._about is not None else self.about()
        return dict(about["commands"])

    def command(self, name: str, /, **args: Any) -> Any:
        """Sends a command and returns its result; for names that are not attributes, or mean something else here."""
        if self._about is not None:
            try:
                check(name, self._about["commands"].get(name, {}), args)
            except Invalid:
                # The board may run a newer program now.
                check(name, self.about()["commands"].get(name, {}), args)
        return self._gateway.ask(requests.command(self.name, name, args))

    def telemetry(
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
            return self._gateway.ask(requests.latest(self.name))
        found = Points(self._gateway.ask(requests.plot(self.name, name, since, until, points)))
        return found or Changes(self._gateway.ask(states(self.name, name, since, until))) or found

    def log(self, limit: int = 100, since: TimeSpec | None = None) -> list[LogLine]:
        """Returns the newest lines of its log, oldest first."""
        return list(self._gateway.ask(requests.log(self.name, limit, since)))

    def events(self, *types: str) -> Iterator[GatewayEvent]:
        """Yields the events of this device from now on."""
        return self._gateway.events(*types, device=self.name)

    def snapshot(self) -> bytes:
        """Returns a new frame of its camera, a JPEG."""
        frame: CameraFrame = self._gateway.ask(requests.snapshot(self.name))
        return frame.data

    def stream(
        self, fps: float | None = None, size: str | None = None, quality: int | None = None
    ) -> Iterator[CameraFrame]:
        """Yields frames as they arrive, at this rate or at the lower one that the link allows."""
        params = {"fps": fps, "size": size, "quality": quality}
        return self._gateway._stream_frames(self.name, {key: str(value) for key, value in params.items() if value})

    def rename(self, label: str | None) -> None:
        """Sets its label, or removes it with None."""
        self._gateway.ask(requests.label(self.name, label))

    def forget(self) -> None:
        """Closes its link, revokes its tokens and deletes its history."""
        self._gateway.ask(requests.forget(self.name))


class Command:
    """One command of a device, called with keywords."""

    def __init__(self, device: Device, name: str) -> None:
        self._device = device
        self.__name__ = name

    def __repr__(self) -> str:
        return f"<Command {self.__name__!r} of {self._device.name!r}>"

    def __call__(self, *positions: Any, **args: Any) -> Any:
        if positions:
            raise refuse_positions(self.__name__, self._rules())
        return self._device.command(self.__name__, **args)

    @property
    def __signature__(self) -> Any:
        return signature_of(self._rules())

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        try:
            return description_of(self.__name__, self._rules())
        except GatewayError as error:
            return str(error)

    def _rules(self) -> Rules:
        return self._device.commands().get(self.__name__, {})
