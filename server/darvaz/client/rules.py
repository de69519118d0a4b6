"""The requests about rules as data. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from darvaz.client.requests import ApiRequest, path_of
from darvaz.client.rule_types import RuleInfo, RuleListInfo, RuleRunInfo


def rules() -> ApiRequest:
    """Every rule, with its last runs."""
    return ApiRequest("GET", path_of("rules"), lambda answer: answer["rules"], RuleListInfo)


def add_rule(fields: Mapping[str, Any]) -> ApiRequest:
    return ApiRequest("POST", path_of("rules"), shape=RuleInfo, body=dict(fields))


def change_rule(rule: str, fields: Mapping[str, Any]) -> ApiRequest:
    """Replaces a rule."""
    return ApiRequest("PUT", path_of("rules", rule), shape=RuleInfo, body=dict(fields))


def remove_rule(rule: str) -> ApiRequest:
    return ApiRequest("DELETE", path_of("rules", rule), shape=None)


def run_rule(rule: str) -> ApiRequest:
    """Does what a rule says, at once."""
    return ApiRequest("POST", path_of("rules", rule, "runs"), shape=RuleRunInfo)
