"""The check of a device's id in an option."""

from __future__ import annotations

import click


def checked_device(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Checks a device's id and returns its one spelling, as the callback of an option."""
    if value is None:
        return None
    # Here, because the protocol takes long to load.
    from darvaz.protocol.codec import MessageCodec
    from darvaz.protocol.device_ids import normal_id
    from darvaz.protocol.faults import Fault

    checked = MessageCodec().check("connect", {"device": value})
    if isinstance(checked, Fault):
        raise click.BadParameter(checked.message.removeprefix("device: "))
    return normal_id(value) or value
