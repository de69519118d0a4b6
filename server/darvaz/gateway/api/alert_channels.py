"""The ways in which alerts are told, over HTTP: addresses of Apprise, which are shown without their secrets."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.alerts.browsers import BROWSERS
from darvaz.gateway.alerts.phrases import Language
from darvaz.gateway.alerts.recipients import TooManyChannelsError
from darvaz.gateway.alerts.sender import AddressError, check_address, is_installed
from darvaz.gateway.api.alerts import TAG
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.http.problems import problem

ADDRESS_CHARS_MAX = 2_000


class ChannelRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Where a channel leads."""

    url: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=ADDRESS_CHARS_MAX,
            description="An address of Apprise, such as ntfys://ntfy.sh/topic; a secret.",
        ),
    ]
    language: Annotated[Language, Meta(description="Of the messages that it is told.")] = "en"


class ChannelAnswer(msgspec.Struct):
    """A channel; its address is without its secrets."""

    name: str
    address: str
    language: Annotated[Language | None, Meta(description="Null for browsers: each has its own.")]
    waiting: Annotated[int, Meta(description="Messages that have not arrived yet.")]
    error: Annotated[str | None, Meta(description="Why it cannot be reached now.")]


class ChannelList(msgspec.Struct):
    """Every channel, and whether messages can be sent at all."""

    channels: list[ChannelAnswer]
    is_installed: Annotated[bool, Meta(description="Whether Apprise is installed: `pip install 'darvaz[alerts]'`.")]


class TestAnswer(msgspec.Struct):
    """Whether a message of a test was taken."""

    is_sent: bool
    error: str | None


def list_alert_channels(call: Call) -> ChannelList:
    """Lists the channels by which alerts are told, without their secrets; `browsers` are those of Web Push."""
    names = call.parts.alerts.messages.recipients.names
    return ChannelList([_answer(call, name) for name in names], is_installed())


async def put_alert_channel(call: Call) -> ChannelAnswer | Response:
    """Adds a channel, or gives it another address."""
    name = _name(call)
    if name == BROWSERS:
        return problem(409, "reserved", "this name is that of the browsers that are told: choose another")
    try:
        # In a thread: Apprise takes long to load.
        shown = await asyncio.to_thread(check_address, call.body.url)
        call.parts.alerts.messages.put_channel(name, call.body.url, shown, call.body.language)
    except AddressError as error:
        return problem(422, "invalid", f"url: {error}")
    except TooManyChannelsError as error:
        return problem(409, "too_many", str(error))
    call.record("alert channel changed", name)
    return _answer(call, name)


def remove_alert_channel(call: Call) -> Response | None:
    """Removes a channel, and the messages that wait for it; of `browsers`, all of them."""
    name, messages = _name(call), call.parts.alerts.messages
    if not (messages.remove_browsers() if name == BROWSERS else messages.remove_channel(name)):
        return _unknown()
    call.record("alert channel removed", name)
    return None


async def test_alert_channel(call: Call) -> TestAnswer | Response:
    """Sends a message of a test by a channel, and waits until it is taken."""
    name = _name(call)
    if name not in call.parts.alerts.messages.recipients.names:
        return _unknown()
    error = await call.while_connected(call.parts.alerts.messages.test(name))
    call.record("alert channel tested", f"{name}: {error or 'sent'}")
    return TestAnswer(error is None, error)


OPERATIONS = [
    Operation(
        method="GET", path="/api/alert-channels", tag=TAG, handle=list_alert_channels, need=Need.ADMINISTER,
        answer=ChannelList,
    ),
    Operation(
        method="PUT", path="/api/alert-channels/{channel}", tag=TAG, handle=put_alert_channel, need=Need.CHANGE,
        is_stored=True, body=ChannelRequest, answer=ChannelAnswer, errors=(409,),
    ),
    Operation(
        method="DELETE", path="/api/alert-channels/{channel}", tag=TAG, handle=remove_alert_channel,
        need=Need.CHANGE, is_stored=True, status=204,
    ),
    Operation(
        method="POST", path="/api/alert-channels/{channel}/test", tag=TAG, handle=test_alert_channel,
        need=Need.CHANGE, answer=TestAnswer,
    ),
]  # fmt: skip


def _name(call: Call) -> str:
    return str(call.scope["path_params"]["channel"])


def _answer(call: Call, name: str) -> ChannelAnswer:
    messages = call.parts.alerts.messages
    waiting, error = messages.waiting(name), messages.errors.get(name)
    if name == BROWSERS:
        return ChannelAnswer(name, f"Web Push to {len(messages.browsers)}", None, waiting, error)
    channel = messages.channels[name]
    return ChannelAnswer(name, channel.shown, channel.language, waiting, error)


def _unknown() -> Response:
    return problem(404, "unknown_channel", "there is no such channel; see GET /api/alert-channels")
