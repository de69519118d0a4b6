"""The OpenAPI 3.1 document, built from the table of operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from darvaz import __version__
from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Operation
from darvaz.gateway.api.types import PATH_TYPES
from darvaz.gateway.http.json_answers import JSON
from darvaz.gateway.http.problems import PROBLEM_JSON, Problem

Document = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
_DESCRIPTION = """\
The HTTP interface of a Darvaz gateway. Times are Unix seconds. Every error is a problem detail (RFC 9457): `code` is a
short stable word, `detail` a sentence. Text of devices (names, boards, logs, payloads) is untrusted: escape it wherever
it is shown.

Requests from the gateway's own machine need no token. All others need an operator's or viewer's token as `Bearer`, a
viewer's token as password, or a session's cookie."""
_ROLES = {
    None: "Open to all.",
    Need.VIEW: "For viewers and operators.",
    Need.SEE: "For viewers and operators, and for users within their limits.",
    Need.USE: "For operators, and for users within their limits.",
    Need.ADMINISTER: "For operators.",
    Need.CHANGE: "For operators.",
    Need.OWN: "For owners.",
    Need.GOVERN: "For owners.",
    Need.ASSIST: "For assistants and operators.",
    Need.SUBSCRIBE: "For signed-in browsers of those who see all boards.",
    Need.LEAVE: "For signed-in browsers.",
}
_OF_ANY_READ = (503,)
_OF_ANY_NEED = (401, 403, 429)
_OF_A_BODY = (400, 408, 413, 415, 422)
_OF_A_QUERY = (422,)


def build_openapi(operations: Iterable[Operation], cookie_name: str, base_path: str = "") -> Document:
    """Returns the document of these operations; equal operations give an equal document.

    `base_path` is the path below which a proxy shows the gateway: clients put it before all paths.
    """
    operations = list(operations)
    schemas = _Schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": "Darvaz", "version": __version__, "description": _DESCRIPTION, "license": {"name": "MIT"}},
        "servers": [{"url": base_path or "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": schemas.named,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An operator's or viewer's token."},
                "password": {"type": "http", "scheme": "basic", "description": "Any name, and a viewer's token."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": cookie_name,
                    "description": "A signed-in browser.",
                },
                "link": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "signature",
                    "description": "A view link, with its `until`: POST /api/devices/{device}/view-links.",
                },
            },
        },
    }


class _Schemas:
    """The JSON schema of every type in the table."""

    def __init__(self, operations: list[Operation]) -> None:
        types: list[Any] = [Problem, *PATH_TYPES.values()]
        for operation in operations:
            types += [operation.answer, operation.body, operation.query, *operation.other_answers.values()]
        self._types = [type_ for type_ in types if type_ is not None]
        self._found, self._components = msgspec.json.schema_components(self._types, ref_template=_SCHEMAS + "{name}")
        queries = {operation.query.__name__ for operation in operations if operation.query is not None}
        self.named = {name: schema for name, schema in self._components.items() if name not in queries}

    def of(self, type_: Any) -> dict[str, Any]:
        """Returns the schema of a type, a reference where it has a name."""
        return next(found for known, found in zip(self._types, self._found, strict=True) if known is type_)

    def parameters(self, query: type[msgspec.Struct]) -> list[dict[str, Any]]:
        """Returns a query's fields as parameters."""
        shape = self._components.get(query.__name__) or self.of(query)
        required = set(shape.get("required", ()))
        return [
            _parameter(name, "query", schema, is_required=name in required)
            for name, schema in shape["properties"].items()
        ]


def _operation(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.title,
        "description": _ROLES[operation.need],
        "responses": _responses(operation, schemas),
    }
    parameters = [
        _parameter(name, "path", schemas.of(PATH_TYPES[name]), is_required=True)
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    if operation.query is not None:
        parameters += schemas.parameters(operation.query)
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        content = {JSON: {"schema": schemas.of(operation.body)}}
        described["requestBody"] = {"required": not operation.is_body_optional, "content": content}
    shown: list[dict[str, list[str]]] = [] if operation.need is None else [{"bearer": []}, {"session": []}]
    if operation.need in (Need.VIEW, Need.SEE):
        shown.insert(1, {"password": []})
    if operation.by_link:
        shown.append({"link": []})
    if operation.need is not None:
        # Programs of the gateway's own machine need no token.
        shown.append({})
    described["security"] = shown
    return described


def _parameter(name: str, location: str, schema: dict[str, Any], *, is_required: bool) -> dict[str, Any]:
    schema = dict(schema)
    described = {"name": name, "in": location, "required": is_required, "schema": schema}
    description = schema.pop("description", None)
    return described | ({"description": description} if description else {})


def _responses(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    responses: dict[int, Any] = {operation.status: _success(operation, schemas)}
    for status in _errors(operation):
        content = {PROBLEM_JSON: {"schema": schemas.of(Problem)}}
        responses[status] = {"description": HTTPStatus(status).phrase, "content": content}
    if operation.has_tag:
        responses[304] = {"description": "Not Modified: the answer has the tag in If-None-Match."}
    for status, type_ in operation.other_answers.items():
        responses[status] = {
            "description": HTTPStatus(status).phrase,
            "content": {JSON: {"schema": schemas.of(type_)}},
        }
    return {str(status): responses[status] for status in sorted(responses)}


def _success(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        described["content"] = {media: {"schema": schemas.of(operation.answer)} for media in operation.media}
    return described


def _errors(operation: Operation) -> set[int]:
    errors = set(operation.errors)
    if operation.need is not None:
        errors |= {*_OF_ANY_NEED, *_OF_ANY_READ}
    if operation.body is not None:
        errors |= set(_OF_A_BODY)
    if operation.query is not None or operation.takes_no_query:
        errors |= set(_OF_A_QUERY)
    if "{" in operation.path:
        errors.add(404)
    return errors
