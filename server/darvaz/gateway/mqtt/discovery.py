"""What Home Assistant is told of a board: one message with the device and all its entities (MQTT discovery).

Pure functions of a board's description. A combination of class and unit that Home Assistant does not know would make
it refuse the entity, so only known ones are passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from darvaz import __version__
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
from darvaz.gateway.devices.names import human_name
from darvaz.gateway.mqtt.device_classes import is_binary_class, is_sensor_class
from darvaz.gateway.mqtt.topics import BoardTopics, Topics
from darvaz.gateway.telemetry.description import DeviceDescription

Component = dict[str, Any]
# Its kind, the name of the board's program, and the rest.
_Entity = tuple[str, str, Component]


class Discovery:
    """Describes boards for Home Assistant, at the topics of one gateway."""

    def __init__(self, topics: Topics, web_url: str) -> None:
        self._topics = topics
        # Of the dashboard, "" if it is not known.
        self._web_url = web_url

    def describe(
        self, board: DeviceDescription, kinds: dict[str, str], *, has_releases: bool = False
    ) -> dict[str, Any]:
        """Returns the message of a board.

        `kinds` is what each value of telemetry was before, by name, and is added to: it stays what it was first.
        """
        topics, object_id = self._topics.of(board.id), self._topics.object_id(board.id)
        components: dict[str, Component] = {}
        for kind, name, component in _entities(board, topics, kinds, has_releases):
            if len(components) < ENTITIES_MAX:
                # What becomes another kind of entity is another one.
                key = f"{kind}_{name}"
                component["unique_id"] = f"{object_id}_{key}"
                # Latin, whatever letters people read.
                component["default_entity_id"] = f"{component['platform']}.{object_id}_{name}".replace("-", "_").lower()
                components[key] = component
        return {
            "device": self._device(board, object_id),
            "origin": {"name": "Darvaz", "sw_version": __version__},
            "availability": [{"topic": self._topics.status}, {"topic": topics.availability}],
            "availability_mode": "all",
            "qos": 1,
            "components": components,
        }

    def _device(self, board: DeviceDescription, object_id: str) -> dict[str, Any]:
        device = {
            "identifiers": [object_id], "name": board.label or board.id, "manufacturer": "Darvaz", "model": board.kind,
        }  # fmt: skip
        more = {"sw_version": board.version, "hw_version": board.board}
        if self._web_url:
            more["configuration_url"] = self._web_url
        return {**device, **{name: value for name, value in more.items() if value}}


def removals(before: Mapping[str, str], now: Mapping[str, Component]) -> dict[str, Component]:
    """Returns the components that say that an entity is gone; `before` has the platform of each that was told."""
    return {key: {"platform": platform} for key, platform in before.items() if key not in now}


def _entities(
    board: DeviceDescription, topics: BoardTopics, kinds: dict[str, str], has_releases: bool
) -> Iterator[_Entity]:
    yield from _values(board, topics, kinds)
    for name, arguments in board.commands.items():
        if name not in HIDDEN_COMMANDS:
            component = _command(name, arguments, topics)
            if component is not None:
                yield component["platform"], name, component
    yield from _own(topics)
    if has_releases:
        yield "update", "program", _update(topics)
    if board.sends_frames:
        yield "camera", "camera", {"platform": "camera", "name": "Camera", "topic": topics.picture}


# Telemetry


def _values(board: DeviceDescription, topics: BoardTopics, kinds: dict[str, str]) -> Iterator[_Entity]:
    for name in {**board.telemetry, **board.values}:
        declared, reading = board.telemetry.get(name, {}), board.values.get(name)
        value = None if reading is None else reading.value
        kind = kinds.get(name) or value_kind(declared, value)
        if kind is not None:
            kinds[name] = kind
            shared = {
                "name": title_of(name, declared), "state_topic": topics.telemetry, "value_template": _template(name),
            }  # fmt: skip
            yield kind, name, shared | _VALUES[kind](declared, value)


def _sensor(declared: Mapping[str, Any], value: Any) -> Component:
    device_class, unit = declared.get("device_class", ""), declared.get("unit", "")
    state_class = "total_increasing" if grows_only(device_class) else "measurement"
    found: Component = {"platform": "sensor", "state_class": state_class}
    if unit:
        found["unit_of_measurement"] = unit
    if is_sensor_class(device_class, unit):
        found["device_class"] = device_class
    decimals = decimals_of(device_class, value)
    return found | ({"suggested_display_precision": decimals} if decimals else {})


def _binary_sensor(declared: Mapping[str, Any], _: Any) -> Component:
    found: Component = {"platform": "binary_sensor", "payload_on": "True", "payload_off": "False"}
    device_class = declared.get("device_class", "")
    return found | ({"device_class": device_class} if is_binary_class(device_class) else {})


def _text_sensor(declared: Mapping[str, Any], _: Any) -> Component:
    return {"platform": "sensor"}


_VALUES: dict[str, Callable[[Mapping[str, Any], Any], Component]] = {
    "sensor": _sensor,
    "binary_sensor": _binary_sensor,
    "text_sensor": _text_sensor,
}


# Commands


def _command(name: str, arguments: Mapping[str, Mapping[str, Any]], topics: BoardTopics) -> Component | None:
    """Returns the entity of a command, or None where no entity fits: its topic takes an object of arguments."""
    kind, topic = command_kind(arguments), topics.command + name
    if kind == "button":
        button: Component = {"platform": "button", "name": human_name(name), "command_topic": topic}
        return button | ({"device_class": "restart", "entity_category": "config"} if name == REBOOT else {})
    if len(arguments) > 1:
        return None
    ((argument, rule),) = arguments.items()
    shared: Component = {"name": title_of(name, rule), "command_topic": topic}
    state = {"state_topic": topics.commands, "value_template": _template(name, argument)}
    if kind == "switch":
        words = {"payload_on": "true", "payload_off": "false", "state_on": "True", "state_off": "False"}
        return {"platform": "switch", **shared, **state, **words}
    if kind == "select":
        options = [option_text(choice) for choice in rule["choices"]]
        return {"platform": "select", **shared, **state, "value_template": _choice(name, argument), "options": options}
    if kind == "number":
        bounds = {"min": rule["min"], "max": rule["max"], "step": max(step_of(rule), 0.001), "mode": "slider"}
        unit = {"unit_of_measurement": rule["unit"]} if rule.get("unit") else {}
        return {"platform": "number", **shared, **state, **bounds, **unit}
    # What free text was is not kept.
    return {"platform": "text", **shared} if rule["type"] == "string" else None


# What every board has


def _own(topics: BoardTopics) -> Iterator[_Entity]:
    shared = {"platform": "sensor", "state_topic": topics.health, "entity_category": "diagnostic"}
    for name, title, unit, device_class in (
        ("rssi_dbm", "Wi-Fi signal", "dBm", "signal_strength"),
        ("heap_free_bytes", "Free memory", "B", "data_size"),
        ("uptime_s", "Uptime", "s", "duration"),
    ):
        number = {"unit_of_measurement": unit, "device_class": device_class, "state_class": "measurement"}
        yield "health", name, {**shared, **number, "name": title, "value_template": _template(name)}
    yield "health", "reset_cause", {
        **shared, "name": "Reason of the last restart", "value_template": _template("reset_cause"),
    }  # fmt: skip


def _update(topics: BoardTopics) -> Component:
    return {
        "platform": "update", "name": "Program", "device_class": "firmware", "entity_category": "config",
        "state_topic": topics.update, "command_topic": topics.install, "payload_install": "latest",
    }  # fmt: skip


def _template(name: str, argument: str = "") -> str:
    """Returns what reads a name of a JSON object, or an argument of a command; None, which is unknown, if it is not
    there. Names have Latin letters, digits and underscores only.
    """
    return f"{{{{ value_json.get('{name}', {{}}).get('{argument}') }}}}" if argument else (
        f"{{{{ value_json.get('{name}') }}}}"
    )  # fmt: skip


def _choice(name: str, argument: str) -> str:
    """Returns what reads a choice as people see it: `option_text`."""
    value = f"value_json.get('{name}', {{}}).get('{argument}')"
    return f"{{% set v = {value} %}}{{{{ 'yes' if v is true else 'no' if v is false else v }}}}"
