"""A program that runs on a board until its next start: sent by `darvaz watch` and `darvaz run`, with its log here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import click

from darvaz.boards.compiled_library import NotCompiled
from darvaz.cli.deploy import release_files
from darvaz.client import requests, update_requests
from darvaz.client.errors import GatewayError
from darvaz.client.events import GatewayEvent
from darvaz.client.synchronous import Gateway
from darvaz.client.types import RolloutInfo
from darvaz.text.terminal import visible, visible_json

POLL_S = 0.1
DEADLINE_S = 60.0
_OVER = ("trial", "good", "ended", "fell_back", "refused", "superseded")
_FAILED = ("fell_back", "refused")


class LiveProgram:
    """Sends releases to one device, one after the other; `end` gives it back the program before."""

    def __init__(self, gateway: Gateway, device: str, name: str, *, as_json: bool) -> None:
        self._as_json = as_json
        self._gateway = gateway
        self._device = device
        self._name = name
        # The last release that was sent; None before the first.
        self._release: int | None = None
        # The rollout whose end on the board is not shown yet.
        self._rollout: int | None = None

    def send(self, files: Mapping[str, bytes]) -> bool:
        """Sends a program and returns whether the board starts it; says what happened."""
        started_s = time.monotonic()
        try:
            checked = release_files(dict(files))
        except NotCompiled as error:
            self.say("not_sent", f"not sent: {error}", is_bad=True, reason=str(error))
            return False
        release = self._gateway.ask(update_requests.add_release(self._name, checked))
        rollout = self._gateway.ask(
            update_requests.begin_rollout(release["number"], [self._device], once=True, stop_percent=100.0)
        )
        self._release, self._rollout = release["number"], rollout["number"]
        state, reason = self._wait(rollout)
        if state in _FAILED:
            self.say("not_taken", f"not taken: {reason}", is_bad=True, reason=reason)
            return False
        changed = ", ".join(release["changes"]) or "nothing"
        took_s = time.monotonic() - started_s
        text = f"sent in {took_s:.1f} s, the program starts; changed: {changed}"
        self.say("sent", text, release=release["number"], changes=release["changes"])
        return True

    def say(self, what: str, text: str, *, is_bad: bool = False, **fields: object) -> None:
        """Tells people a sentence, and programs an object of this type."""
        if self._as_json:
            click.echo(visible_json({"type": what, "device": self._device, **fields}))
            return
        colour = "red" if is_bad else None
        click.echo(click.style("\n".join(map(visible, f"… {text}".splitlines())), fg=colour), err=True)

    def look(self) -> None:
        """Says if the board went back to the program before: what was sent did not start, or was restarted."""
        if self._rollout is None:
            return
        target = self._gateway.ask(update_requests.rollout(self._rollout))["targets"][0]
        if target["state"] not in ("ended", "fell_back"):
            return
        self._rollout = None
        # A board whose watchdog ended it says no more than that it was restarted.
        reason = target["reason"] or "it was restarted; what blocks for more than 8 s is, too"
        text = f"it ended, and the board runs the program before: {reason}"
        self.say("ended", text, is_bad=True, reason=reason)

    def end(self, *, keeps: bool) -> None:
        """Makes the last release the device's program, or gives it back the one before."""
        if self._release is None:
            return
        if keeps:
            self._gateway.ask(update_requests.begin_rollout(self._release, [self._device]))
            self.say("kept", f"release {self._release} stays on {self._device}, once it is good", release=self._release)
        elif self._rollout is not None:
            self._gateway.ask(requests.command(self._device, "reboot", {}))
            self.say("restored", f"{self._device} restarts with the program before")

    def _wait(self, rollout: RolloutInfo) -> tuple[str, str]:
        give_up_s = time.monotonic() + DEADLINE_S
        while True:
            target = rollout["targets"][0]
            if target["state"] in _OVER:
                return target["state"], target["reason"]
            if time.monotonic() > give_up_s:
                raise click.ClickException(visible(f"{self._device} did not take the program: is it online?"))
            time.sleep(POLL_S)
            rollout = self._gateway.ask(update_requests.rollout(rollout["number"]))


def follow_log(
    gateway_url: str, device: str, is_over: threading.Event, connect: Callable[[str], Gateway], *, as_json: bool
) -> None:
    """Prints the log of a device in a thread, until the process ends."""

    def show() -> None:
        try:
            with connect(gateway_url) as gateway:
                for event in gateway.events("log", "crash", device=device):
                    if is_over.is_set():
                        return
                    if as_json:
                        click.echo(visible_json({**event.data, "type": event.type}))
                        continue
                    for line in _lines(event):
                        click.echo(visible(line))
        except GatewayError as error:
            click.echo(visible(f"the log is not shown any more: {error}"), err=True)

    threading.Thread(target=show, name="log", daemon=True).start()


def _lines(event: GatewayEvent) -> list[str]:
    if event.type == "log":
        text = f"{event.data.get('level', 'info')}: {event.data.get('message', '')}"
        return [f"{event.data.get('device', '')} {line}" for line in text.splitlines()]
    if event.type == "crash":
        return str(event.data.get("traceback", "")).splitlines()
    return []
