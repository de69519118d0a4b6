"""Alerts over HTTP: what is wrong now and what was, the rules, and the acknowledgement."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.alerts.records import Alert
from darvaz.gateway.alerts.rules import AlertRule, RuleFields, find_fault, sentence
from darvaz.gateway.alerts.service import TooManyRulesError
from darvaz.gateway.api.lists import list_in_slices
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.types import Identity
from darvaz.gateway.http.problems import problem

HISTORY_MAX = 500
TAG = "Alerts"


class AlertList(msgspec.Struct):
    """What is wrong now, the oldest first."""

    alerts: list[Alert]


class AlertPage(msgspec.Struct):
    """Alerts that are over, the newest first."""

    alerts: list[Alert]


class HistoryQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which alerts of the past."""

    limit: Annotated[int, Meta(ge=1, le=HISTORY_MAX)] = 100
    before: Annotated[Identity, Meta(description="Only those before this alert.")] | UnsetType = UNSET


class RuleAnswer(AlertRule, kw_only=True, frozen=True):
    """A rule, and what it says in words."""

    sentence: str


class RuleList(msgspec.Struct):
    """Every rule, the oldest first."""

    rules: list[RuleAnswer]


async def list_alerts(call: Call) -> Response:
    """Lists what is wrong now."""
    return await list_in_slices(call, "alerts", list(call.parts.alerts.book.active.values()))


def list_past_alerts(call: Call) -> AlertPage:
    """Lists alerts that are over, the newest first."""
    before = None if call.query.before is UNSET else call.query.before
    return AlertPage(call.parts.alerts.book.history(call.query.limit, before))


def acknowledge_alert(call: Call) -> Alert | Response:
    """Notes that somebody cares for an alert: nobody else is told."""
    alert = call.parts.alerts.acknowledge(str(call.scope["path_params"]["alert"]), call.author)
    return alert or problem(404, "unknown_alert", "no alert that is true now has this id; see GET /api/alerts")


async def list_alert_rules(call: Call) -> Response:
    """Lists the rules of alerts."""
    return await list_in_slices(call, "rules", map(_answer, call.parts.alerts.rules))


async def add_alert_rule(call: Call) -> RuleAnswer | Response:
    """Adds a rule; people are told when it comes true."""
    return await _put(call, None)


async def change_alert_rule(call: Call) -> RuleAnswer | Response:
    """Replaces a rule; an alert of it ends."""
    rule_id = str(call.scope["path_params"]["rule"])
    if rule_id not in call.parts.alerts.engine.rules:
        return _unknown_rule()
    return await _put(call, rule_id)


async def remove_alert_rule(call: Call) -> Response | None:
    """Removes a rule; an alert of it ends."""
    rule_id = str(call.scope["path_params"]["rule"])
    if not await call.parts.alerts.remove_rule(rule_id):
        return _unknown_rule()
    call.record("alert rule removed", rule_id)
    return None


OPERATIONS = [
    Operation(method="GET", path="/api/alerts", tag=TAG, handle=list_alerts, need=Need.VIEW, answer=AlertList),
    Operation(
        method="GET", path="/api/alerts/history", tag=TAG, handle=list_past_alerts, need=Need.VIEW,
        query=HistoryQuery, answer=AlertPage,
    ),
    Operation(
        method="POST", path="/api/alerts/{alert}/acknowledgement", tag=TAG, handle=acknowledge_alert,
        need=Need.CHANGE, is_stored=True, answer=Alert,
    ),
    Operation(
        method="GET", path="/api/alert-rules", tag=TAG, handle=list_alert_rules, need=Need.VIEW, answer=RuleList
    ),
    Operation(
        method="POST", path="/api/alert-rules", tag=TAG, handle=add_alert_rule, need=Need.CHANGE, is_stored=True,
        body=RuleFields, answer=RuleAnswer, status=201, errors=(409,),
    ),
    Operation(
        method="PUT", path="/api/alert-rules/{rule}", tag=TAG, handle=change_alert_rule, need=Need.CHANGE,
        is_stored=True, body=RuleFields, answer=RuleAnswer,
    ),
    Operation(
        method="DELETE", path="/api/alert-rules/{rule}", tag=TAG, handle=remove_alert_rule, need=Need.CHANGE,
        is_stored=True, status=204,
    ),
]  # fmt: skip


async def _put(call: Call, rule_id: str | None) -> RuleAnswer | Response:
    fields: RuleFields = call.body
    fault = find_fault(fields) or _find_unknown(call, fields)
    if fault is not None:
        return problem(422, "invalid", fault)
    if fields.device is not None:
        fields = msgspec.structs.replace(fields, device=call.parts.protocol.device_ids.find(fields.device))
    try:
        rule = await call.parts.alerts.put_rule(fields, rule_id)
    except TooManyRulesError as error:
        return problem(409, "too_many", str(error))
    call.record("alert rule changed" if rule_id else "alert rule added", f"{rule.id}: {sentence(rule)}", rule.device)
    return _answer(rule)


def _find_unknown(call: Call, fields: RuleFields) -> str | None:
    """Returns which name of a rule nothing has, or None."""
    if fields.device is not None and call.parts.protocol.device_ids.resolve(fields.device) is None:
        return f"device: {fields.device[:64]!r} is not an id of a device"
    is_known = call.parts.alerts.messages.recipients.is_known
    unknown = [name for name in (*(fields.channels or ()), *fields.escalate_to) if not is_known(name)]
    return f"channels: there is no channel {unknown[0]!r}; see GET /api/alert-channels" if unknown else None


def _answer(rule: AlertRule) -> RuleAnswer:
    values = {name: getattr(rule, name) for name in AlertRule.__struct_fields__}
    return RuleAnswer(sentence=sentence(rule), **values)


def _unknown_rule() -> Response:
    return problem(404, "unknown_rule", "no rule has this id; see GET /api/alert-rules")
