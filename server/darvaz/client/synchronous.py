"""The client for programs that wait: `Gateway`, its devices, and their commands as functions."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from darvaz.client import requests as questions
from darvaz.client.commands import Command, Rules, callable_names, check
from darvaz.client.config import find_place
from darvaz.client.errors import Busy, GatewayError, Invalid, Unreachable
from darvaz.client.events import Event, EventParser
from darvaz.client.multipart import Multipart, MultipartError
from darvaz.client.requests import Frame, LogLine, Moment, Point, Question
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


class Gateway:
    """A gateway: `gw["pan-tilt"].pan(angle=90)`.

    Without an address: `DARVAZ_GATEWAY`, else the one of `darvaz login`, else this machine's; the token likewise
    (`DARVAZ_TOKEN`). Used as a context it closes its connections at the end. Errors are `GatewayError`s.
    """

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        self._place = find_place(url, token)
        self._http = httpx.Client(**settings(self._place))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Gateway({self._place.url!r})"

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

    def ask(self, question: Question) -> Any:
        """Asks, and returns what the answer says; raises `GatewayError`."""
        try:
            response = self._http.request(**request_of(question))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(self._place, error) from None
        return answer_of(question, response)

    def devices(self) -> list[Device]:
        """Returns every device that was ever here."""
        return [Device(self, about["id"], about) for about in self.ask(questions.devices())]

    def journal(self, limit: int = 100, **filters: Any) -> list[dict[str, Any]]:
        """Returns the newest rows of the journal: `device`, `kind`, `type`, `direction`, `from_`, `to`, `before`."""
        return list(self.ask(questions.journal(limit, **filters)))

    def tokens(self) -> list[dict[str, Any]]:
        """Returns every token, without its secret."""
        return list(self.ask(questions.tokens()))

    def issue_token(
        self, kind: str, label: str = "", device: str | None = None, expires_days: float | None = None
    ) -> str:
        """Issues a token and returns it, this once."""
        return str(self.ask(questions.issue_token(kind, label, device, expires_days)))

    def revoke_token(self, token: str) -> None:
        """Ends a token for good, by its id."""
        self.ask(questions.revoke_token(token))

    def enrol(self, minutes: float = 15) -> dict[str, Any]:
        """Lets new boards fetch a token for some minutes."""
        return dict(self.ask(questions.enrol(minutes)))

    def health(self) -> dict[str, Any]:
        """Returns how the gateway is."""
        return dict(self.ask(questions.health()))

    def events(self, *types: str, device: str | None = None) -> Iterator[Event]:
        """Yields what happens from now on, of these types or all, for ever; goes on by itself where it was cut off.

        Raises `GatewayError` when the gateway refuses, not when it is away for a while.
        """
        parser, wait_s, was_here = EventParser(), AGAIN_FIRST_S, False
        query = {key: value for key, value in (("types", ",".join(types)), ("device", device)) if value}
        while True:
            try:
                for event in self._stream_events(parser, query):
                    wait_s, was_here = AGAIN_FIRST_S, True
                    yield event
            except (Unreachable, Busy):
                if not was_here:
                    raise
            time.sleep(wait_s)
            wait_s = min(wait_s * 2, AGAIN_MOST_S)

    def _stream_events(self, parser: EventParser, query: Mapping[str, str]) -> Iterator[Event]:
        headers = {"Last-Event-ID": parser.last_id} if parser.last_id else {}
        timeout = httpx.Timeout(SILENCE_S)
        try:
            with self._http.stream("GET", "/api/events", params=query, headers=headers, timeout=timeout) as response:
                self._look_at(response, EVENTS)
                for text in response.iter_text():
                    yield from parser.receive(text)
        except httpx.HTTPError as error:
            raise unreachable(self._place, error) from None
        finally:
            parser.begin_again()

    def _stream_frames(self, name: str, query: Mapping[str, str]) -> Iterator[Frame]:
        path, parser = questions.path_of("devices", name, "stream.mjpeg"), Multipart()
        try:
            with self._http.stream("GET", path, params=query, timeout=httpx.Timeout(SILENCE_S)) as response:
                self._look_at(response, FRAMES)
                for data in response.iter_raw():
                    yield from (Frame(*frame) for frame in parser.receive(data))
        except httpx.HTTPError as error:
            raise unreachable(self._place, error) from None
        except MultipartError as error:
            raise GatewayError(f"what came is no stream of a Darvaz gateway: {error}") from None

    @staticmethod
    def _look_at(response: httpx.Response, media_type: str) -> None:
        if not response.is_success:
            response.read()
            raise refusal(response)
        check_media_type(response, media_type)


class Device:
    """A device of a gateway; the commands that its board declared are its functions."""

    def __init__(self, gateway: Gateway, name: str, about: Mapping[str, Any] | None = None) -> None:
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
        # Whoever asks for names at a prompt gets those that are known, and no error.
        with contextlib.suppress(GatewayError):
            self.about()
        return [*super().__dir__(), *callable_names(self._about["commands"] if self._about is not None else {})]

    def about(self) -> dict[str, Any]:
        """Returns what the gateway knows of it: `online`, `label`, `address`, `commands`, `values` …"""
        self._about = self._gateway.ask(questions.device(self.name))
        return dict(self._about)

    @property
    def online(self) -> bool:
        """Whether it is here now."""
        return bool(self.about()["online"])

    def commands(self) -> dict[str, Rules]:
        """Returns the commands that its board declared, with their arguments."""
        about = self._about if self._about is not None else self.about()
        return dict(about["commands"])

    def command(self, name: str, /, **args: Any) -> Any:
        """Asks the board to do something and returns its result; for names that Python or this class has taken."""
        if self._about is not None:
            try:
                check(name, self._about["commands"].get(name, {}), args)
            except Invalid:
                # The board may have a newer program by now.
                check(name, self.about()["commands"].get(name, {}), args)
        return self._gateway.ask(questions.command(self.name, name, args))

    def telemetry(
        self,
        name: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        points: int | None = None,
    ) -> Any:
        """Returns the newest value of each name as a dictionary; of one name, its `Point`s over time (a day)."""
        if name is None:
            return self._gateway.ask(questions.latest(self.name))
        found: list[Point] = self._gateway.ask(questions.plot(self.name, name, since, until, points))
        return found

    def log(self, limit: int = 100, since: Moment | None = None) -> list[LogLine]:
        """Returns the newest lines of its log, oldest first."""
        return list(self._gateway.ask(questions.log(self.name, limit, since)))

    def events(self, *types: str) -> Iterator[Event]:
        """Yields what happens to this device from now on."""
        return self._gateway.events(*types, device=self.name)

    def snapshot(self) -> bytes:
        """Returns a fresh picture, a JPEG."""
        return bytes(self._gateway.ask(questions.snapshot(self.name)))

    def stream(self, fps: float | None = None, size: str | None = None, quality: int | None = None) -> Iterator[Frame]:
        """Yields pictures as they come, at the rate that is asked for as far as the link bears it."""
        wish = {"fps": fps, "size": size, "quality": quality}
        return self._gateway._stream_frames(self.name, {key: str(value) for key, value in wish.items() if value})

    def rename(self, label: str | None) -> None:
        """Gives it a name for people, or takes it away."""
        self._gateway.ask(questions.label(self.name, label))

    def forget(self) -> None:
        """Ends its link, revokes its tokens and deletes its history."""
        self._gateway.ask(questions.forget(self.name))
