"""Whether a link may be the device that it names in its `connect`."""

from __future__ import annotations

from darvaz.gateway.access import Admitted, Refused
from darvaz.gateway.parts import Parts
from darvaz.protocol.faults import Fault

# Tokens that an entry names.
_HOLDERS_NAMED_MAX = 8


def refuse_device(
    parts: Parts, device: str, kind_name: str, admitted: Admitted | None, address: str
) -> tuple[Fault | None, str]:
    """Returns why not, or None; and if the id is taken over from another token, a sentence for the journal, else "".

    It may not if the device is of another kind, or if the token is another device's.
    """
    kind = parts.hub.kind_of(device)
    if kind is not None and kind != kind_name:
        return Fault("not_allowed", f"device: {device} is a {kind}", "device"), ""
    if admitted is None:
        return None, ""
    online_at = parts.hub.address_of(device)
    decision = parts.access.bind(admitted, device, is_elsewhere=online_at is not None and online_at != address)
    if isinstance(decision, Refused):
        return Fault(decision.code, decision.message), ""
    if not decision:
        return None, ""
    known = ", ".join(decision[:_HOLDERS_NAMED_MAX])
    return None, f"by token {admitted.token_id}; it was of token {known}"
