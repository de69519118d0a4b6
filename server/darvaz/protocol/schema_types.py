"""Makes msgspec types from JSON Schema, so that decoding a message also validates it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Union

import msgspec

Schema = Mapping[str, Any]

_SCALARS: dict[str, Any] = {"string": str, "integer": int, "number": int | float, "boolean": bool}
_BOUNDS = {
    "minimum": "ge",
    "maximum": "le",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
    "minItems": "min_length",
    "maxItems": "max_length",
    "minProperties": "min_length",
    "maxProperties": "max_length",
}


class TypeMaker:
    """Turns the definitions of one schema document into types, and makes each once.

    Supports the keywords that `shared/protocol.json` uses; all others raise `ValueError`, so that no rule
    of the schema stays unchecked.
    """

    def __init__(self, document: Schema, *, proves_names: bool = True, raw_fields: Collection[str] = ()) -> None:
        """Without `proves_names`, the names in maps are any texts; see `NameRules`.

        `raw_fields` of messages are left as JSON text that is not checked, and unknown fields are refused.
        """
        self._definitions: Schema = document["$defs"]
        self._proves_names = proves_names
        self._raw_fields = raw_fields
        self._made: dict[str, Any] = {}

    def definition(self, name: str) -> Any:
        """Returns the type of the definition `name`."""
        if name not in self._made:
            self._made[name] = self._make(self._definitions[name], name)
        return self._made[name]

    def _make(self, schema: Schema, name: str) -> Any:
        if "$ref" in schema:
            return self.definition(_reference(schema))
        if "enum" in schema:
            return Literal[tuple(schema["enum"])]
        if "anyOf" in schema:
            return Union[tuple(self._make(option, name) for option in schema["anyOf"])]  # noqa: UP007
        if "type" not in schema:
            return Any
        _refuse_unknown_keywords(schema, name)
        return _bounded(self._base(schema, name), schema)

    def _base(self, schema: Schema, name: str) -> Any:
        kind = schema["type"]
        if kind == "object":
            return self._struct(schema, name) if "properties" in schema else self._map(schema, name)
        if kind == "array":
            return list[self._make(schema["items"], name)]  # type: ignore[misc]
        return _SCALARS[kind]

    def _map(self, schema: Schema, name: str) -> Any:
        # msgspec keeps the keys that it has read before, but only those without a rule.
        key = self._make(schema["propertyNames"], name) if self._proves_names else str
        return dict[key, self._make(schema["additionalProperties"], name)]  # type: ignore[misc,valid-type]

    def _struct(self, schema: Schema, name: str) -> type[msgspec.Struct]:
        required = set(schema.get("required", ()))
        fields: list[Any] = []
        tag = None
        for field, rule in schema["properties"].items():
            if "const" in rule:
                tag = rule["const"]
                continue
            made = msgspec.Raw if field in self._raw_fields else self._make(rule, f"{name}_{field}")
            fields.append((field, made) if field in required else _optional(field, made))
        return msgspec.defstruct(
            name,
            sorted(fields, key=len),
            tag=tag,
            tag_field="type" if tag else None,
            kw_only=True,
            gc=True,
            forbid_unknown_fields=bool(self._raw_fields),
        )


def _reference(schema: Schema) -> str:
    """Returns the definition that a schema is."""
    return str(schema["$ref"]).removeprefix("#/$defs/")


def _optional(field: str, made: Any) -> tuple[str, Any, Any]:
    return field, Union[made, msgspec.UnsetType], msgspec.UNSET  # noqa: UP007


def _bounded(base: Any, schema: Schema) -> Any:
    bounds = {_BOUNDS[key]: value for key, value in schema.items() if key in _BOUNDS}
    if not bounds:
        return base
    if "pattern" in bounds:
        # Python's $ also matches before a final line break; that of JSON Schema does not (ECMA-262, section 22.2.2.4).
        bounds["pattern"] = re.sub(r"\$$", r"\\Z", bounds["pattern"])
    if base == int | float:
        # A JSON number is an integer or a float. msgspec bounds the two separately, and integers by integers only.
        whole = msgspec.Meta(ge=int(bounds["ge"]), le=int(bounds["le"]))
        return Union[Annotated[int, whole], Annotated[float, msgspec.Meta(**bounds)]]  # noqa: UP007
    return Annotated[base, msgspec.Meta(**bounds)]


_KNOWN = _BOUNDS.keys() | {
    "type", "title", "description", "properties", "required", "items", "propertyNames",
    "additionalProperties", "examples",
}  # fmt: skip


def _refuse_unknown_keywords(schema: Schema, name: str) -> None:
    for key in schema:
        if key not in _KNOWN and not key.startswith("x-"):
            raise ValueError(f"protocol.json: {name} uses {key!r}, which TypeMaker cannot check")
