"""The schema is complete: every message has its parts, bounds and examples, and matches the guide."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
SCHEMA: dict[str, Any] = json.loads((ROOT / "shared/protocol.json").read_text(encoding="utf-8"))
DEFINITIONS = SCHEMA["$defs"]
NAMES = [option["$ref"].removeprefix("#/$defs/") for option in SCHEMA["oneOf"]]
MESSAGES = {name: DEFINITIONS[name] for name in NAMES}
EXAMPLES = [(name, example) for name in NAMES for example in MESSAGES[name]["examples"]]
GUIDE = ROOT / "docs/connecting.fa.md"

# Any JSON value: bounded by the size and depth of a packet instead.
FREE_VALUES = {"ack.result"}

BOUNDS = {
    "string": ("maxLength",),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "array": ("maxItems", "items"),
}
MAP_BOUNDS = ("maxProperties", "propertyNames", "additionalProperties")
INNER = ("items", "propertyNames", "additionalProperties")


def validator_of(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$defs": DEFINITIONS, "$ref": f"#/$defs/{name}"})


def unbounded(rule: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yields the path of every value reachable from a rule that is not bounded."""
    if "$ref" in rule:
        yield from unbounded(DEFINITIONS[rule["$ref"].removeprefix("#/$defs/")], path)
    elif "anyOf" in rule:
        for number, option in enumerate(rule["anyOf"]):
            yield from unbounded(option, f"{path}|{number}")
    elif "enum" not in rule and "const" not in rule:
        yield from unbounded_value(rule, path)


def unbounded_value(rule: Mapping[str, Any], path: str) -> Iterator[str]:
    kind = rule.get("type")
    is_map = kind == "object" and "properties" not in rule
    if kind is None or any(bound not in rule for bound in MAP_BOUNDS if is_map):
        yield path
    if any(bound not in rule for bound in BOUNDS.get(str(kind), ())):
        yield path
    for field, inner in rule.get("properties", {}).items():
        yield from unbounded(inner, f"{path}.{field}")
    for keyword in INNER:
        if keyword in rule:
            yield from unbounded(rule[keyword], f"{path}[{keyword}]")


def guide_messages() -> list[dict[str, Any]]:
    """Returns the messages that the guide's JSON blocks show, their // comments left out."""
    blocks = re.findall(r"^```json\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    found = []
    for block in blocks:
        found += json_values(re.sub(r"^\s*//.*$", "", block, flags=re.MULTILINE))
    return [value for value in found if isinstance(value, dict) and "type" in value]


def json_values(text: str) -> list[Any]:
    """Returns the JSON values that stand one after another in a text."""
    decoder, values, rest = json.JSONDecoder(), [], text.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        values.append(value)
        rest = rest[end:].lstrip()
    return values


def test_the_schema_is_valid_json_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_names_its_dialect() -> None:
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$schema"]


@pytest.mark.parametrize("name", NAMES)
def test_a_message_requires_the_type_that_is_its_name(name: str) -> None:
    assert MESSAGES[name]["properties"]["type"] == {"const": name}
    assert "type" in MESSAGES[name]["required"]


@pytest.mark.parametrize("name", NAMES)
def test_a_message_requires_only_fields_that_it_has(name: str) -> None:
    assert set(MESSAGES[name]["required"]) <= set(MESSAGES[name]["properties"])


@pytest.mark.parametrize("name", NAMES)
def test_a_message_names_its_senders(name: str) -> None:
    senders = MESSAGES[name]["x-sender"]

    assert senders and set(senders) <= {"device", "gateway"}
    assert len(senders) == len(set(senders))


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_accepted_in_states_that_exist(name: str) -> None:
    states = MESSAGES[name]["x-states"]

    assert states and set(states) <= set(SCHEMA["x-states"]) - {"closed"}
    assert len(states) == len(set(states))


@pytest.mark.parametrize("name", [name for name in NAMES if "x-reply" in MESSAGES[name]])
def test_a_reply_comes_from_the_other_end(name: str) -> None:
    reply = MESSAGES[MESSAGES[name]["x-reply"]]
    others = {"device": "gateway", "gateway": "device"}

    assert {others[sender] for sender in MESSAGES[name]["x-sender"]} <= set(reply["x-sender"])


@pytest.mark.parametrize("name", NAMES)
def test_a_message_has_title_description_and_examples(name: str) -> None:
    assert MESSAGES[name]["title"] and MESSAGES[name]["description"] and MESSAGES[name]["examples"]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_and_each_of_its_fields_has_a_description(name: str) -> None:
    rule = DEFINITIONS[name]
    silent = [
        field
        for field, inner in rule.get("properties", {}).items()
        if "const" not in inner and "description" not in inner and "$ref" not in inner
    ]

    assert rule["description"].endswith(".")
    assert silent == []


@pytest.mark.parametrize("name", [name for name, rule in DEFINITIONS.items() if "pattern" in rule])
def test_a_pattern_is_explained_in_words(name: str) -> None:
    rule = DEFINITIONS[name]["x-rule"]

    assert re.fullmatch(r"an? .*[^.]", rule)
    assert str(DEFINITIONS[name]["maxLength"]) in rule


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_valid_as_its_message_and_no_other(name: str, example: dict[str, Any]) -> None:
    validator_of(name).validate(example)
    Draft202012Validator(SCHEMA).validate(example)


@pytest.mark.parametrize("name", NAMES)
def test_examples_have_no_unknown_fields(name: str) -> None:
    shown = {field for example in MESSAGES[name]["examples"] for field in example}

    assert shown <= set(MESSAGES[name]["properties"])


@pytest.mark.parametrize("name", NAMES)
def test_everything_in_a_message_is_bounded(name: str) -> None:
    assert set(unbounded(MESSAGES[name], name)) <= FREE_VALUES


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "string"},
        {"type": "integer", "minimum": 0},
        {"type": "number", "maximum": 0},
        {"type": "array", "maxItems": 2, "items": {"type": "string"}},
        {"type": "array", "items": {"type": "boolean"}},
        {"type": "object"},
        {"type": "object", "maxProperties": 2, "additionalProperties": {"type": "boolean"}},
        {"anyOf": [{"type": "boolean"}, {"type": "string"}]},
        {"description": "Any JSON value."},
    ],
)
def test_a_rule_without_a_bound_is_noticed(rule: dict[str, Any]) -> None:
    assert list(unbounded(rule, "here"))


@pytest.mark.parametrize(("code", "entry"), SCHEMA["x-close-codes"].items())
def test_a_close_code_is_one_that_an_application_may_use(code: str, entry: dict[str, str]) -> None:
    # RFC 6455 section 7.4: registered codes up to 2999, 4000 to 4999 for private use; 1005, 1006
    # and 1015 never occur in a packet.
    assert 1000 <= int(code) <= 1014 or 4000 <= int(code) <= 4999
    assert int(code) not in {1005, 1006}
    assert re.fullmatch(r"[a-z_]{1,32}", entry["name"]) and entry["title"]


def test_each_close_code_has_its_own_name() -> None:
    names = [entry["name"] for entry in SCHEMA["x-close-codes"].values()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize(("code", "meaning"), SCHEMA["x-error-codes"].items())
def test_an_error_code_is_a_short_word_with_a_meaning(code: str, meaning: str) -> None:
    longest = DEFINITIONS["error"]["properties"]["code"]["maxLength"]

    assert re.fullmatch(r"[a-z_]+", code) and len(code) <= longest
    assert meaning.endswith(".")


@pytest.mark.parametrize(("name", "entry"), SCHEMA["x-numbers"].items())
def test_a_number_is_positive_and_has_a_unit_or_is_a_maximum(name: str, entry: dict[str, Any]) -> None:
    assert entry["value"] > 0 and entry["title"]
    assert name.endswith(("_s", "_max"))


def test_the_guide_shows_messages_of_both_ends() -> None:
    senders = {sender for message in guide_messages() for sender in DEFINITIONS[message["type"]]["x-sender"]}

    assert len(guide_messages()) >= 8
    assert senders == {"device", "gateway"}


def test_every_message_of_the_guide_is_valid() -> None:
    for message in guide_messages():
        validator_of(message["type"]).validate(message)


def test_the_guides_types_are_those_of_messages() -> None:
    assert {message["type"] for message in guide_messages()} <= set(NAMES)
