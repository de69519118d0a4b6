"""Whether a link may be the device that it names in its `connect`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from darvaz.gateway.access import Admitted, Refused
from darvaz.gateway.devices.presence import Link
from darvaz.gateway.devices.rivals import RivalVerdict
from darvaz.gateway.parts import Parts
from darvaz.protocol.faults import Fault

log = logging.getLogger("darvaz.link")

# Tokens that an entry names.
_HOLDERS_NAMED_MAX = 8


@dataclass(slots=True)
class Judgement:
    """Why a link may not be the device, or None; and an entry for the device's journal, as type and text, or None."""

    fault: Fault | None = None
    retry_after_s: float | None = None
    remark: tuple[str, str] | None = None


def judge(parts: Parts, link: Link, message: Any, admitted: Admitted | None) -> Judgement:
    """Decides about a link that introduces itself with `message`.

    It may not be the device if that is of another kind, if the token is another device's, or if two boards with this id
    have replaced each other too often.
    """
    device, kind = message.device, parts.hub.kind_of(message.device)
    if kind is not None and kind != link.kind_name:
        return Judgement(Fault("not_allowed", f"device: {device} is a {kind}", "device"))
    if admitted is None:
        return _judge_look(parts, device)
    online_at = parts.hub.address_of(device)
    decision = parts.access.bind(admitted, device, is_elsewhere=online_at is not None and online_at != link.address)
    if isinstance(decision, Refused):
        return Judgement(Fault(decision.code, decision.message))
    if decision:
        known = ", ".join(decision[:_HOLDERS_NAMED_MAX])
        return Judgement(remark=("taken over", f"by token {admitted.token_id}; it was of token {known}"))
    return _judge_rival(parts, link, message)


def _judge_look(parts: Parts, device: str) -> Judgement:
    """Remarks that a new device looks like another one: people would take it for that."""
    other = parts.hub.look_alike_of(device)
    if other is None:
        return Judgement()
    sentence = f"the new device {device} looks like {other}, in other letters, and is another device"
    log.warning("= %s; forget it if it was not meant", sentence)
    return Judgement(remark=("look-alike", sentence))


def _judge_rival(parts: Parts, link: Link, message: Any) -> Judgement:
    """Decides about a link that takes the place of another board."""
    device = message.device
    before = parts.hub.board_of(device, other_than=link)
    if before is None:
        return _judge_look(parts, device)
    verdict = parts.rivals.judge(device, before, parts.hub.board_name(link, message))
    if verdict is RivalVerdict.FINE:
        return Judgement()
    addresses = " and ".join(dict.fromkeys([parts.hub.address_of(device) or "", link.address]))
    sentence = f"two boards have the id {device}, at {addresses}, and replace each other; give one of them another id"
    if verdict is RivalVerdict.TELL:
        log.warning("= %s", sentence)
        return Judgement(remark=("two boards", sentence))
    return Judgement(Fault("not_allowed", sentence, "device"), parts.rivals.wait_s(device))
