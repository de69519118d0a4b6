"""Web Push over HTTP: whether this browser is told of alerts. Each browser session decides about its own alone."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.alerts.browsers import BrowserError, TooManyBrowsersError
from darvaz.gateway.alerts.phrases import Language
from darvaz.gateway.alerts.push_addresses import ENDPOINT_CHARS_MAX
from darvaz.gateway.alerts.push_encryption import can_encrypt
from darvaz.gateway.api.alert_channels import TestAnswer
from darvaz.gateway.api.alerts import TAG
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.http.problems import problem

_PATH = "/api/push-subscription"
Key = Annotated[str, Meta(min_length=20, max_length=100, pattern="^[A-Za-z0-9_-]+$")]


class PushKeys(msgspec.Struct, forbid_unknown_fields=True):
    """With what messages for a browser are encrypted, as `PushSubscription.toJSON()` has it."""

    p256dh: Annotated[Key, Meta(description="The public key of the browser.")]
    auth: Annotated[Key, Meta(description="A secret.")]


class PushRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How a browser is reached."""

    endpoint: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=ENDPOINT_CHARS_MAX,
            description="The address of the browser at its push service; a secret.",
        ),
    ]
    keys: PushKeys
    language: Annotated[Language, Meta(description="Of the messages.")] = "en"


class PushAnswer(msgspec.Struct):
    """Whether the browser that asks is told of alerts."""

    is_subscribed: bool
    language: Language | None
    waiting: Annotated[int, Meta(description="Messages that have not arrived yet.")]
    error: Annotated[str | None, Meta(description="Why it cannot be reached now.")]
    public_key: Annotated[str | None, Meta(description="The gateway's key; null without the package cryptography.")]
    is_session: Annotated[bool, Meta(description="Whether it is a browser that is signed in; only these are told.")]


async def read_push_subscription(call: Call) -> PushAnswer:
    """Returns whether this browser is told of alerts, and the key with which it can be."""
    messages, session = call.parts.alerts.messages, call.admitted.session_id
    await messages.browsers.prepare()
    known = None if session is None else messages.browsers.find(session)
    waiting, error = messages.state_of_browser(session or "")
    return PushAnswer(
        is_subscribed=known is not None,
        language=None if known is None else known.language,
        waiting=waiting,
        error=error,
        public_key=messages.browsers.public_key if can_encrypt() else None,
        is_session=session is not None,
    )


async def put_push_subscription(call: Call) -> PushAnswer | Response:
    """Has this browser told of alerts, until its session ends."""
    messages, body = call.parts.alerts.messages, call.body
    session = _session_of(call)
    if isinstance(session, Response):
        return session
    await messages.browsers.prepare()
    origin = call.caller.origin or ""
    contact = origin if origin.startswith("https://") else ""
    try:
        messages.put_browser(session, body.endpoint, body.keys.p256dh, body.keys.auth, body.language, contact)
    except BrowserError as error:
        return problem(422, "invalid", str(error))
    except TooManyBrowsersError as error:
        return problem(409, "too_many", str(error))
    call.record("push subscription added", messages.browsers.shown(session))
    return await read_push_subscription(call)


def remove_push_subscription(call: Call) -> Response | None:
    """Has this browser told of alerts no more."""
    session = _session_of(call)
    if isinstance(session, Response):
        return session
    shown = call.parts.alerts.messages.browsers.shown(session)
    if not call.parts.alerts.messages.remove_browser(session):
        return _unknown()
    call.record("push subscription removed", shown)
    return None


async def test_push_subscription(call: Call) -> TestAnswer | Response:
    """Sends a message of a test to this browser, and waits until its push service takes it."""
    session = _session_of(call)
    if isinstance(session, Response):
        return session
    messages = call.parts.alerts.messages
    if messages.browsers.find(session) is None:
        return _unknown()
    if session in messages.tested:
        return problem(409, "busy", "a test of this browser is on its way")
    error = await call.while_connected(messages.test_browser(session))
    return TestAnswer(error is None, error)


OPERATIONS = [
    Operation(method="GET", path=_PATH, tag=TAG, handle=read_push_subscription, need=Need.VIEW, answer=PushAnswer),
    Operation(
        method="PUT", path=_PATH, tag=TAG, handle=put_push_subscription, need=Need.SUBSCRIBE, is_stored=True,
        body=PushRequest, answer=PushAnswer, errors=(409,),
    ),
    Operation(
        method="DELETE", path=_PATH, tag=TAG, handle=remove_push_subscription, need=Need.SUBSCRIBE, is_stored=True,
        status=204, errors=(404, 409),
    ),
    Operation(
        method="POST", path=f"{_PATH}/test", tag=TAG, handle=test_push_subscription, need=Need.SUBSCRIBE,
        answer=TestAnswer, errors=(404, 409),
    ),
]  # fmt: skip


def _session_of(call: Call) -> str | Response:
    """Returns the browser session that asks, or the response that refuses another caller."""
    if call.admitted.session_id is None:
        detail = "only a browser that is signed in is told: 'darvaz signin' on the gateway makes a link for it"
        return problem(409, "no_session", detail)
    return call.admitted.session_id


def _unknown() -> Response:
    return problem(404, "not_subscribed", "this browser is not told of alerts")
