"""The AsyncAPI document matches the schema, and is valid for other validators."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
import warnings
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from darvaz.protocol.asyncapi import build_asyncapi
from darvaz.protocol.schema import load_schema

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = load_schema()
NAMES = [option["$ref"].removeprefix("#/$defs/") for option in SCHEMA["oneOf"]]
DEADLINE_S = 60

OFFICIAL_SCHEMAS = "@asyncapi/specs@6.11.1"
OFFICIAL_PLACE = "package/schemas/3.0.0.json"
OFFICIAL_CACHE = ROOT / ".cache" / "asyncapi-3.0.0.json"


def test_asyncapi_has_a_channel_with_its_handshake_for_every_kind() -> None:
    channels = build_asyncapi(SCHEMA)["channels"]

    assert {name: channel["address"] for name, channel in channels.items()} == {
        name: kind["path"] for name, kind in SCHEMA["x-kinds"].items()
    }
    for channel in channels.values():
        assert channel["bindings"]["ws"]["method"] == "GET"
        assert "Authorization" in channel["bindings"]["ws"]["headers"]["properties"]


def test_asyncapi_receives_messages_of_devices_and_sends_those_of_the_gateway() -> None:
    operations = build_asyncapi(SCHEMA)["operations"]
    actions = {"device": "receive", "gateway": "send"}

    messages = {
        (operation["channel"]["$ref"].split("/")[-1], operation["action"], message["$ref"].split("/")[-1])
        for operation in operations.values()
        for message in operation["messages"]
    }

    expected = {
        (kind, actions[sender], name)
        for kind in SCHEMA["x-kinds"]
        for name in NAMES
        for sender in SCHEMA["$defs"][name]["x-sender"]
    }
    assert messages == expected | {("esp32cam", "receive", "frame")}
    assert len(messages) == len(operations)


def test_asyncapi_has_everything_that_it_refers_to() -> None:
    document = build_asyncapi(SCHEMA)
    paths = sorted(set(references(document)))

    assert paths
    for path in paths:
        found: Any = document
        for step in path.removeprefix("#/").split("/"):
            found = found[step]


def references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [path for inner in value for path in references(inner)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [path for inner in value.values() for path in references(inner)]


def test_asyncapi_passes_a_public_validator() -> None:
    with warnings.catch_warnings():
        # pydantic warns of two fields that are called schema.
        warnings.simplefilter("ignore", UserWarning)
        import asyncapi3

    asyncapi3.AsyncAPI3.model_validate(build_asyncapi(SCHEMA))
    with pytest.raises(ValueError, match="method"):
        asyncapi3.AsyncAPI3.model_validate(with_method(build_asyncapi(SCHEMA), "PUT"))


def test_asyncapi_passes_its_official_json_schema() -> None:
    validator = jsonschema_rs.Draft7Validator(official_schema())

    validator.validate(build_asyncapi(SCHEMA))

    assert not validator.is_valid(with_method(build_asyncapi(SCHEMA), "PUT"))


def with_method(document: dict[str, Any], method: str) -> dict[str, Any]:
    document["channels"]["pico"]["bindings"]["ws"]["method"] = method
    return document


def official_schema() -> Any:
    """Returns the JSON Schema of AsyncAPI 3.0, which is only on npm; skips if npm is not available."""
    if not OFFICIAL_CACHE.exists():
        fetch_official_schema(OFFICIAL_CACHE)
    return json.loads(OFFICIAL_CACHE.read_text(encoding="utf-8"))


def fetch_official_schema(path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, and the official schema of AsyncAPI is published there only")
    path.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        folder = Path(name)
        command = [npm, "pack", OFFICIAL_SCHEMAS]
        try:
            subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=DEADLINE_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"npm could not fetch the official schema of AsyncAPI: {error}")
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            member = archive.extractfile(OFFICIAL_PLACE)
            assert member is not None
            (folder / "schema.json").write_bytes(member.read())
        # Renamed when complete: tests in parallel never read a part of it.
        (folder / "schema.json").replace(path)
