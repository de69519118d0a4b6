"""The requests about alerts as data: what is wrong, rules, and channels. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from darvaz.client.alert_types import (
    AlertChannelInfo,
    AlertChannelListInfo,
    AlertInfo,
    AlertListInfo,
    AlertRuleInfo,
    AlertRuleListInfo,
    AlertTestInfo,
)
from darvaz.client.requests import ApiRequest, path_of

# The gateway gives the service a minute.
TEST_DEADLINE_S = 75.0


def alerts() -> ApiRequest:
    """What is wrong now."""
    return ApiRequest("GET", path_of("alerts"), lambda answer: answer["alerts"], AlertListInfo)


def past_alerts(limit: int) -> ApiRequest:
    """Alerts that are over, the newest first."""
    query = {"limit": str(limit)}
    return ApiRequest("GET", path_of("alerts", "history"), lambda answer: answer["alerts"], AlertListInfo, query)


def acknowledge(alert: str) -> ApiRequest:
    return ApiRequest("POST", path_of("alerts", alert, "acknowledgement"), shape=AlertInfo)


def rules() -> ApiRequest:
    return ApiRequest("GET", path_of("alert-rules"), lambda answer: answer["rules"], AlertRuleListInfo)


def add_rule(fields: Mapping[str, Any]) -> ApiRequest:
    return ApiRequest("POST", path_of("alert-rules"), shape=AlertRuleInfo, body=dict(fields))


def change_rule(rule: str, fields: Mapping[str, Any]) -> ApiRequest:
    """Replaces a rule."""
    return ApiRequest("PUT", path_of("alert-rules", rule), shape=AlertRuleInfo, body=dict(fields))


def remove_rule(rule: str) -> ApiRequest:
    return ApiRequest("DELETE", path_of("alert-rules", rule), shape=None)


def channels() -> ApiRequest:
    """The channels; whether Apprise is installed; neither has secrets."""
    return ApiRequest("GET", path_of("alert-channels"), shape=AlertChannelListInfo)


def put_channel(name: str, url: str, language: str = "en") -> ApiRequest:
    """Adds a channel, or gives it another address or language."""
    body = {"url": url} | ({} if language == "en" else {"language": language})
    return ApiRequest("PUT", path_of("alert-channels", name), shape=AlertChannelInfo, body=body)


def remove_channel(name: str) -> ApiRequest:
    return ApiRequest("DELETE", path_of("alert-channels", name), shape=None)


def test_channel(name: str) -> ApiRequest:
    """Sends a message of a test, and waits for the service."""
    path = path_of("alert-channels", name, "test")
    return ApiRequest("POST", path, shape=AlertTestInfo, deadline_s=TEST_DEADLINE_S)
