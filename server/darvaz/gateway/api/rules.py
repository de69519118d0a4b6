"""Rules over HTTP: when something is so, a command or a message; changed, run at once, and what became of them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.lists import list_in_slices
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.http.problems import problem
from darvaz.gateway.rule_sources import can_schedule
from darvaz.gateway.rules.records import ActionRuleFields, Rule, Run, find_fault, sentence
from darvaz.gateway.rules.service import TooManyActionRulesError
from darvaz.text.extras import how_to_install

TAG = "Rules"


class ActionRuleAnswer(Rule, kw_only=True, frozen=True):
    """A rule, what it says in words, and when it is due next."""

    sentence: str
    next: Annotated[float | None, Meta(description="Unix seconds; null if it is not about a time of day.")]


class ActionRuleList(msgspec.Struct):
    """Every rule, the oldest first."""

    rules: list[ActionRuleAnswer]
    can_schedule: Annotated[bool, Meta(description="Whether the packages for times of day are installed.")]


async def list_rules(call: Call) -> Response:
    """Lists the rules, with the last runs of each."""
    answers = (_answer(call, rule) for rule in list(call.parts.rules.all.values()))
    return await list_in_slices(call, "rules", answers, can_schedule=can_schedule())


async def add_rule(call: Call) -> ActionRuleAnswer | Response:
    """Adds a rule."""
    return await _put(call, None)


async def change_rule(call: Call) -> ActionRuleAnswer | Response:
    """Replaces a rule; it keeps its runs."""
    rule_id = str(call.scope["path_params"]["rule"])
    return await _put(call, rule_id) if rule_id in call.parts.rules.all else _unknown()


async def remove_rule(call: Call) -> Response | None:
    """Removes a rule."""
    rule_id = str(call.scope["path_params"]["rule"])
    if not await call.parts.rules.remove(rule_id):
        return _unknown()
    call.record("rule removed", rule_id)
    return None


async def run_rule(call: Call) -> Run | Response:
    """Does what a rule says, at once, and returns what became of it."""
    rule_id = str(call.scope["path_params"]["rule"])
    if rule_id not in call.parts.rules.all:
        return _unknown()
    return await call.while_connected(call.parts.rules.run_now(rule_id))


OPERATIONS = [
    Operation(method="GET", path="/api/rules", tag=TAG, handle=list_rules, need=Need.VIEW, answer=ActionRuleList),
    Operation(
        method="POST", path="/api/rules", tag=TAG, handle=add_rule, need=Need.CHANGE, is_stored=True,
        body=ActionRuleFields, answer=ActionRuleAnswer, status=201, errors=(409,),
    ),
    Operation(
        method="PUT", path="/api/rules/{rule}", tag=TAG, handle=change_rule, need=Need.CHANGE, is_stored=True,
        body=ActionRuleFields, answer=ActionRuleAnswer,
    ),
    Operation(
        method="DELETE", path="/api/rules/{rule}", tag=TAG, handle=remove_rule, need=Need.CHANGE, is_stored=True,
        status=204,
    ),
    Operation(
        method="POST", path="/api/rules/{rule}/runs", tag=TAG, handle=run_rule, need=Need.CHANGE, answer=Run,
    ),
]  # fmt: skip


async def _put(call: Call, rule_id: str | None) -> ActionRuleAnswer | Response:
    fields: ActionRuleFields = call.body
    fault = find_fault(fields) or _find_unknown(call, fields)
    if fault is not None:
        return problem(422, "invalid", fault)
    ids = call.parts.protocol.device_ids
    known = {name: ids.find(getattr(fields, name)) for name in ("device", "to_device") if getattr(fields, name)}
    try:
        rule = await call.parts.rules.put(msgspec.structs.replace(fields, **known), rule_id)
    except TooManyActionRulesError as error:
        return problem(409, "too_many", str(error))
    call.record("rule changed" if rule_id else "rule added", f"{rule.id}: {sentence(rule)}", rule.device)
    return _answer(call, rule)


def _find_unknown(call: Call, fields: ActionRuleFields) -> str | None:
    """Returns which name of a rule nothing has, or what is missing for it, or None."""
    for name in ("device", "to_device"):
        device = getattr(fields, name)
        if device is not None and call.parts.protocol.device_ids.resolve(device) is None:
            return f"{name}: {device[:64]!r} is not an id of a device"
    unknown = [name for name in fields.channels or () if not call.parts.alerts.messages.recipients.is_known(name)]
    if unknown:
        return f"channels: there is no channel {unknown[0]!r}; see GET /api/alert-channels"
    if fields.when == "time" and not can_schedule():
        return f"at: times of day need more packages: {how_to_install('automations')}"
    return None


def _answer(call: Call, rule: Rule) -> ActionRuleAnswer:
    values = {name: getattr(rule, name) for name in Rule.__struct_fields__}
    return ActionRuleAnswer(sentence=sentence(rule), next=call.parts.rules.next_s(rule.id), **values)


def _unknown() -> Response:
    return problem(404, "unknown_rule", "no rule has this id; see GET /api/rules")
