"""What a board declares, as entities of ESPHome's native API: each with its listing, its state and its command.

Pure functions of a board's description; what reads the network is elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from darvaz.gateway.devices.entity_kinds import (
    ENTITIES_MAX,
    HIDDEN_COMMANDS,
    REBOOT,
    command_kind,
    decimals_of,
    grows_only,
    option_text,
    step_of,
    title_of,
    value_kind,
)
from darvaz.gateway.devices.names import entity_key, human_name
from darvaz.gateway.esphome.messages import Message, pb
from darvaz.gateway.telemetry.description import DeviceDescription

_CONFIG, _DIAGNOSTIC = pb.ENTITY_CATEGORY_CONFIG, pb.ENTITY_CATEGORY_DIAGNOSTIC
# A board has one camera at most.
CAMERA_KEY = entity_key("camera", "camera")

# Returns the state of an entity by what is known of the board now.
StateOf = Callable[[DeviceDescription], Message]


@dataclass(frozen=True, slots=True)
class CommandOf:
    """A command of the board, and how its arguments are read from a request."""

    name: str
    arguments: Callable[[Message], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity; `state` is None where there is none to tell, `command` where nothing can be done."""

    listing: Message
    state: StateOf | None = None
    command: CommandOf | None = None
    watches: str = ""
    """The telemetry that its state comes from; "" if that is something else."""


def entities_of(board: DeviceDescription, kinds: dict[str, str]) -> dict[int, Entity]:
    """Returns the entities of a board by their keys, at most `ENTITIES_MAX`.

    `kinds` is what each value of telemetry was before, by name, and is added to: one that is a number now and a text
    then stays what it was first, so that clients need not ask for the entities again.
    """
    found: dict[int, Entity] = {}
    cameras = (_CAMERA,) if board.sends_frames else ()
    for entity in (*_values(board, kinds), *_commands(board), *_OWN, *cameras):
        key = entity.listing.key
        if key not in found and len(found) < ENTITIES_MAX:
            found[key] = entity
    return found


# Telemetry


def _values(board: DeviceDescription, kinds: dict[str, str]) -> Iterable[Entity]:
    for name in {**board.telemetry, **board.values}:
        declared, value = board.telemetry.get(name, {}), _value(board, name)
        kind = kinds.get(name) or value_kind(declared, value)
        if kind is not None:
            kinds[name] = kind
            yield _MAKERS[kind](name, declared, value)


def _sensor(name: str, declared: Mapping[str, Any], value: Any) -> Entity:
    key, device_class = entity_key("sensor", name), declared.get("device_class", "")
    total = pb.STATE_CLASS_TOTAL_INCREASING if grows_only(device_class) else pb.STATE_CLASS_MEASUREMENT
    listing = pb.ListEntitiesSensorResponse(
        object_id=name, key=key, name=title_of(name, declared), unit_of_measurement=declared.get("unit", ""),
        accuracy_decimals=decimals_of(device_class, value), device_class=device_class, state_class=total,
    )  # fmt: skip
    return Entity(listing, lambda now: _number_state(pb.SensorStateResponse, key, _value(now, name)), watches=name)


def _binary_sensor(name: str, declared: Mapping[str, Any], _: Any) -> Entity:
    key = entity_key("binary_sensor", name)
    listing = pb.ListEntitiesBinarySensorResponse(
        object_id=name, key=key, name=title_of(name, declared), device_class=declared.get("device_class", "")
    )

    def state(now: DeviceDescription) -> Message:
        value = _value(now, name)
        return pb.BinarySensorStateResponse(key=key, state=bool(value), missing_state=not isinstance(value, bool))

    return Entity(listing, state, watches=name)


def _text_sensor(name: str, declared: Mapping[str, Any], _: Any) -> Entity:
    key = entity_key("text_sensor", name)
    listing = pb.ListEntitiesTextSensorResponse(object_id=name, key=key, name=title_of(name, declared))
    return Entity(listing, lambda now: _text_state(key, _value(now, name)), watches=name)


_MAKERS: dict[str, Callable[[str, Mapping[str, Any], Any], Entity]] = {
    "sensor": _sensor,
    "binary_sensor": _binary_sensor,
    "text_sensor": _text_sensor,
}


# Commands


def _commands(board: DeviceDescription) -> Iterable[Entity]:
    for name, arguments in board.commands.items():
        kind = command_kind(arguments)
        if name in HIDDEN_COMMANDS:
            continue
        if kind == "button":
            yield _button(name)
        elif kind == "action":
            yield _action(name, arguments)
        else:
            ((argument, rule),) = arguments.items()
            yield _CONTROLS[kind](name, argument, rule)


def _button(name: str) -> Entity:
    is_reboot = name == REBOOT
    listing = pb.ListEntitiesButtonResponse(
        object_id=name, key=entity_key("button", name), name=human_name(name),
        device_class="restart" if is_reboot else "", entity_category=_CONFIG if is_reboot else 0,
    )  # fmt: skip
    return Entity(listing, command=CommandOf(name, lambda _: {}))


def _switch(name: str, argument: str, rule: Mapping[str, Any]) -> Entity:
    key = entity_key("switch", name)
    listing = pb.ListEntitiesSwitchResponse(object_id=name, key=key, name=title_of(name, rule))

    def state(now: DeviceDescription) -> Message:
        value = _confirmed(now, name, argument)
        return pb.SwitchStateResponse(key=key, state=bool(value), missing_state=value is None)

    return Entity(listing, state, CommandOf(name, lambda request: {argument: request.state}))


def _number(name: str, argument: str, rule: Mapping[str, Any]) -> Entity:
    key, is_whole = entity_key("number", name), rule["type"] == "integer"
    listing = pb.ListEntitiesNumberResponse(
        object_id=name, key=key, name=title_of(name, rule), min_value=rule["min"], max_value=rule["max"],
        step=step_of(rule), unit_of_measurement=rule.get("unit", ""), mode=pb.NUMBER_MODE_SLIDER,
    )  # fmt: skip

    def arguments(request: Any) -> dict[str, Any]:
        # Their numbers have 32 bits: 0.1 arrives as 0.10000000149.
        value = float(f"{request.state:.7g}")
        return {argument: round(value) if is_whole else value}

    return Entity(
        listing,
        lambda now: _number_state(pb.NumberStateResponse, key, _confirmed(now, name, argument)),
        CommandOf(name, arguments),
    )


def _select(name: str, argument: str, rule: Mapping[str, Any]) -> Entity:
    key = entity_key("select", name)
    # Options are texts: `1` and "1" of one command would be one.
    choices = {option_text(choice): choice for choice in rule["choices"]}
    listing = pb.ListEntitiesSelectResponse(object_id=name, key=key, name=title_of(name, rule), options=list(choices))

    def state(now: DeviceDescription) -> Message:
        value = _confirmed(now, name, argument)
        return pb.SelectStateResponse(
            key=key, state="" if value is None else option_text(value), missing_state=value is None
        )

    def arguments(request: Any) -> dict[str, Any]:
        return {argument: choices.get(request.state, request.state)}

    return Entity(listing, state, CommandOf(name, arguments))


_CONTROLS: dict[str, Callable[[str, str, Mapping[str, Any]], Entity]] = {
    "select": _select,
    "switch": _switch,
    "number": _number,
}
_ARGUMENT_TYPES = {
    "boolean": (pb.SERVICE_ARG_TYPE_BOOL, "bool_"),
    "integer": (pb.SERVICE_ARG_TYPE_INT, "int_"),
    "number": (pb.SERVICE_ARG_TYPE_FLOAT, "float_"),
    "string": (pb.SERVICE_ARG_TYPE_STRING, "string_"),
}


def _action(name: str, rules: Mapping[str, Mapping[str, Any]]) -> Entity:
    """Returns the action of a command; its arguments come in the order of the declaration."""
    listing = pb.ListEntitiesServicesResponse(
        name=name, key=entity_key("action", name), supports_response=pb.SUPPORTS_RESPONSE_OPTIONAL,
        args=[pb.ListEntitiesServicesArgument(name=argument, type=_ARGUMENT_TYPES[rule["type"]][0])
              for argument, rule in rules.items()],
    )  # fmt: skip

    def arguments(request: Any) -> dict[str, Any]:
        given = zip(rules.items(), request.args, strict=False)
        return {argument: _read_argument(rule["type"], value) for (argument, rule), value in given}

    return Entity(listing, command=CommandOf(name, arguments))


def _read_argument(type_: str, given: Any) -> Any:
    if type_ == "number":
        return float(f"{given.float_:.7g}")
    # Clients of before API 1.3 send whole numbers in another field.
    if type_ == "integer":
        return given.int_ or given.legacy_int
    return getattr(given, _ARGUMENT_TYPES[type_][1])


# What every board has


def _vital(name: str, title: str, field: str, unit: str, device_class: str) -> Entity:
    key = entity_key("vital", name)
    listing = pb.ListEntitiesSensorResponse(
        object_id=name, key=key, name=title, unit_of_measurement=unit, device_class=device_class,
        state_class=pb.STATE_CLASS_MEASUREMENT, entity_category=_DIAGNOSTIC,
    )  # fmt: skip
    return Entity(listing, lambda now: _number_state(pb.SensorStateResponse, key, getattr(now, field)))


def _fact(name: str, title: str, field: str) -> Entity:
    key = entity_key("fact", name)
    listing = pb.ListEntitiesTextSensorResponse(object_id=name, key=key, name=title, entity_category=_DIAGNOSTIC)
    return Entity(listing, lambda now: _text_state(key, getattr(now, field)))


# One for all boards: of its own they would be 4 of 23 KB of each idle node.
_OWN = (
    _vital("wifi_signal", "Wi-Fi signal", "rssi_dbm", "dBm", "signal_strength"),
    _vital("free_memory", "Free memory", "heap_free_bytes", "B", "data_size"),
    _vital("uptime", "Uptime", "uptime_s", "s", "duration"),
    _fact("restart_reason", "Reason of the last restart", "reset_cause"),
    _fact("firmware", "Firmware", "version"),
)
_CAMERA = Entity(pb.ListEntitiesCameraResponse(object_id="camera", key=CAMERA_KEY, name="Camera"))


# States


def _value(board: DeviceDescription, name: str) -> Any:
    reading = board.values.get(name)
    return None if reading is None else reading.value


def _confirmed(board: DeviceDescription, command: str, argument: str) -> Any:
    """Returns what the board last confirmed, or None if that is not known."""
    return board.last_args.get(command, {}).get(argument)


def _number_state(type_: Callable[..., Message], key: int, value: Any) -> Message:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return type_(key=key, state=value if is_number else 0.0, missing_state=not is_number)


def _text_state(key: int, value: Any) -> Message:
    return pb.TextSensorStateResponse(key=key, state="" if value is None else str(value), missing_state=value is None)
