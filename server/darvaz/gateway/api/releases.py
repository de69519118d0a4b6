"""Releases and rollouts over HTTP: programs are uploaded, given to boards in steps, paused, resumed and stopped."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.named_devices import find_devices
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.rollout_answers import RolloutAnswer, RolloutList, dump_rollouts
from darvaz.gateway.api.types import DeviceId, Label
from darvaz.gateway.http.json_answers import JSON, NO_STORE
from darvaz.gateway.http.problems import problem
from darvaz.gateway.parts import Parts
from darvaz.gateway.releases.manifest import FILES_MAX, PATH_CHARS_MAX, RELEASE_BYTES_MAX, ReleaseError, make_files
from darvaz.gateway.releases.orders import AddRelease, Deploy, MakeKey, OrderError, SetState
from darvaz.gateway.releases.rollout import Rollout, RolloutPlan
from darvaz.gateway.releases.store import ProgramRelease, changes

_T = TypeVar("_T")

_TAG = "Releases and rollouts"
# Base64 takes a third more, and each file its path.
UPLOAD_BYTES_MAX = RELEASE_BYTES_MAX * 3 // 2
_TARGETS_MAX = 5_000
_NAMED_MAX = 200
_HOLD_S_MAX = 7 * 86_400.0
_NUMBER_MAX = 2**31
_PERCENT = Annotated[float, Meta(gt=0, le=100)]


class ReleaseAnswer(msgspec.Struct):
    """One release, and what is different from the one before."""

    number: int
    name: str
    created: Annotated[float, Meta(description="Unix seconds.")]
    author: Annotated[str, Meta(description="Who made it: the id of a token, or an address.")]
    files: int
    size_bytes: int
    micropython: Annotated[str, Meta(description="The least version that it needs; empty if it does not say.")]
    changes: Annotated[dict[str, str], Meta(description="By path: added, changed or removed.")]


class ReleaseList(msgspec.Struct):
    """The releases, the newest first."""

    releases: list[ReleaseAnswer]


class ReleaseRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A program: its files by their path on the board without the first slash, in base64."""

    name: Label
    files: Annotated[
        dict[Annotated[str, Meta(max_length=PATH_CHARS_MAX)], bytes], Meta(min_length=1, max_length=FILES_MAX)
    ]
    micropython: Annotated[
        str, Meta(pattern=r"^([1-9][0-9]?\.[0-9]{1,3})?$", description="The least version that it needs, such as 1.26.")
    ] = ""


class RolloutsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Of which boards the rollouts are told; `counts` has all of them."""

    device: Annotated[DeviceId, Meta(description="Only this board.")] | UnsetType = UNSET
    with_targets: Annotated[bool, Meta(description="Whether `targets` has boards at all.")] = True


class RolloutRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which boards get a release, and in which steps."""

    release: Annotated[int, Meta(ge=1, le=_NUMBER_MAX)]
    to: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]],
        Meta(min_length=1, max_length=_NAMED_MAX, description="Devices, labels, groups, kinds, or all."),
    ]
    canary: Annotated[int, Meta(ge=0, le=_TARGETS_MAX, description="Boards of the first step; 0: none.")] = 0
    then_percent: Annotated[list[_PERCENT], Meta(max_length=10, description="Shares of the next steps.")] = []
    hold_s: Annotated[float, Meta(ge=0, le=_HOLD_S_MAX, description="Seconds between two steps.")] = 0.0
    stop_percent: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=100,
                description="The share of boards that may fall back, 0 stops at the first; a setting says the usual.",
            ),
        ]
        | UnsetType
    ) = UNSET
    signature: Annotated[
        str,
        Meta(pattern="^([0-9a-f]{128})?$", description="Ed25519 of the boards' owner; empty for none."),
    ] = ""
    signed_s: Annotated[int, Meta(ge=0, le=2**40, description="When it was made, in Unix seconds.")] = 0
    source: Annotated[bool, Meta(description="Modules travel as .py, and are not compiled for each board.")] = False
    once: Annotated[
        bool, Meta(description="Boards run it until their next start, then the program before; it is on trial only.")
    ] = False


class RolloutChange(msgspec.Struct, forbid_unknown_fields=True):
    """Pauses, resumes or ends a rollout."""

    state: Literal["running", "paused", "stopped"]


class UpdateKey(msgspec.Struct):
    """The key of a board, in hexadecimal digits, for its config.json."""

    key: str


def list_releases(call: Call) -> ReleaseList:
    """Lists the releases, the newest first."""
    return ReleaseList([_release(call.parts, release) for release in _newest_first(call.parts.updater.store.releases)])


async def add_release(call: Call) -> ReleaseAnswer | Response:
    """Keeps the files of a program as a new release; no board gets it yet."""
    store, request = call.parts.updater.store, call.body
    try:
        files = await asyncio.to_thread(make_files, request.files)
    except ReleaseError as error:
        return problem(422, "invalid", f"files: {error}")
    try:
        await asyncio.to_thread(store.write_files, request.files.values())
    except OSError as error:
        return problem(503, "unavailable", f"the files cannot be written: {error.strerror}")
    try:
        number = await call.parts.updater.coordination.order(
            AddRelease(request.name, _author(call), files, request.micropython)
        )
    except OrderError as error:
        return problem(503, "unavailable", str(error))
    release = store.releases[number]
    call.record("release", f"{release.number} {release.name}: {len(files)} files, {release.size_bytes} bytes")
    return _release(call.parts, release)


async def list_rollouts(call: Call) -> Response:
    """Lists the rollouts, the newest first."""
    query: RolloutsQuery = call.query
    only = set() if not query.with_targets else None if query.device is UNSET else {query.device}
    texts = await dump_rollouts(call.parts, _newest_first(call.parts.updater.store.rollouts), only)
    return Response(b'{"rollouts":[%s]}' % b",".join(texts), headers=NO_STORE, media_type=JSON)


async def read_rollout(call: Call) -> Response:
    """Returns one rollout with the state of each board."""
    rollout = _find(call)
    return rollout if isinstance(rollout, Response) else await _answer(call, rollout)


async def begin_rollout(call: Call) -> Response:
    """Gives a release to boards, in steps; boards that are away get it when they come."""
    parts, request = call.parts, call.body
    release = parts.updater.store.releases.get(request.release)
    if release is None:
        return problem(404, "unknown_release", f"there is no release {request.release}; see GET /api/releases")
    devices = await find_devices(parts, request.to)
    if isinstance(devices, Response):
        return devices
    if len(devices) > _TARGETS_MAX:
        return problem(422, "invalid", f"to: at most {_TARGETS_MAX} boards, not {len(devices)}")
    plan = RolloutPlan(
        canary=request.canary,
        then_percent=tuple(request.then_percent) or (100.0,),
        hold_s=request.hold_s,
        stop_percent=parts.updater.limits.stop_percent if request.stop_percent is UNSET else request.stop_percent,
        signature=request.signature,
        signed_s=request.signed_s,
        source=request.source,
        once=request.once,
    )
    try:
        number = await parts.updater.coordination.order(Deploy(release.number, list(devices), plan, _author(call)))
    except OrderError as error:
        return problem(503, "unavailable", str(error))
    return await _answer(call, parts.updater.store.rollouts[number], 201)


async def change_rollout(call: Call) -> Response:
    """Pauses, resumes or ends a rollout, and resumes one that stopped; what is under way comes to its end."""
    rollout = _find(call)
    if isinstance(rollout, Response):
        return rollout
    if rollout.state == "done" or (rollout.state == "stopped" and call.body.state != "running"):
        return problem(422, "invalid", f"state: this rollout is {rollout.state}; begin another one")
    try:
        await call.parts.updater.coordination.order(SetState(rollout.number, call.body.state))
    except OrderError as error:
        return problem(503, "unavailable", str(error))
    return await _answer(call, rollout)


async def make_update_key(call: Call) -> UpdateKey | Response:
    """Returns the key with which updates for a device are signed, made at the first call; for `darvaz flash`."""
    store = call.parts.updater.store
    if store.key_of(call.device) is None:
        try:
            await call.parts.updater.coordination.order(MakeKey(call.device))
        except OrderError as error:
            return problem(503, "unavailable", str(error))
    key = store.key_of(call.device)
    if key is None:
        return problem(409, "forgotten", f"{call.device} was forgotten meanwhile: try again")
    call.record("update key read", "", call.device)
    return UpdateKey(key.hex())


OPERATIONS = [
    Operation(
        method="GET", path="/api/releases", tag=_TAG, handle=list_releases, need=Need.VIEW, answer=ReleaseList
    ),
    Operation(
        method="POST", path="/api/releases", tag=_TAG, handle=add_release, need=Need.CHANGE, is_stored=True,
        body=ReleaseRequest, body_bytes_max=UPLOAD_BYTES_MAX, answer=ReleaseAnswer, status=201,
    ),
    Operation(
        method="GET", path="/api/rollouts", tag=_TAG, handle=list_rollouts, need=Need.VIEW,
        query=RolloutsQuery, answer=RolloutList,
    ),
    Operation(
        method="POST", path="/api/rollouts", tag=_TAG, handle=begin_rollout, need=Need.CHANGE, is_stored=True,
        body=RolloutRequest, answer=RolloutAnswer, status=201, errors=(404,),
    ),
    Operation(
        method="GET", path="/api/rollouts/{rollout}", tag=_TAG, handle=read_rollout, need=Need.VIEW,
        answer=RolloutAnswer,
    ),
    Operation(
        method="PATCH", path="/api/rollouts/{rollout}", tag=_TAG, handle=change_rollout, need=Need.CHANGE,
        is_stored=True, body=RolloutChange, answer=RolloutAnswer,
    ),
    Operation(
        method="POST", path="/api/devices/{device}/update-key", tag=_TAG, handle=make_update_key, need=Need.CHANGE,
        is_stored=True, answer=UpdateKey, errors=(409,),
    ),
]  # fmt: skip


def _find(call: Call) -> Rollout | Response:
    number = int(call.scope["path_params"]["rollout"])
    rollout = call.parts.updater.store.rollouts.get(number)
    return rollout or problem(404, "unknown_rollout", f"there is no rollout {number}; see GET /api/rollouts")


def _author(call: Call) -> str:
    return call.admitted.name or call.admitted.token_id or call.admitted.session_id or call.caller.address or ""


def _newest_first(numbered: dict[int, _T]) -> list[_T]:
    return [numbered[number] for number in sorted(numbered, reverse=True)]


def _release(parts: Parts, release: ProgramRelease) -> ReleaseAnswer:
    before = parts.updater.store.releases.get(release.number - 1)
    return ReleaseAnswer(
        number=release.number,
        name=release.name,
        created=release.created_s,
        author=release.author,
        files=len(release.files),
        size_bytes=release.size_bytes,
        micropython=release.micropython,
        changes=dict(changes(before, release)),
    )


async def _answer(call: Call, rollout: Rollout, status: int = 200) -> Response:
    return Response((await dump_rollouts(call.parts, [rollout]))[0], status, NO_STORE, JSON)
