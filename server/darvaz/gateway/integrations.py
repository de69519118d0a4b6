"""Other systems that the gateway works with: Home Assistant, an MQTT broker, the gateways of a cluster.

Each is loaded where it is wanted: it needs an extra, takes long to load, and few gateways want it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from darvaz.gateway.esphome.switch import EXTRA, PACKAGE, HomeAssistantSwitch
from darvaz.gateway.parts import Parts
from darvaz.gateway.settings import Settings, SettingsError
from darvaz.text.extras import how_to_install

if TYPE_CHECKING:
    from darvaz.gateway.cluster.options import ClusterOptions
    from darvaz.gateway.mqtt.broker import BrokerOptions

# Setting → the package that it needs, and the extra that has it.
NEEDS = {
    "home_assistant": (PACKAGE, EXTRA),
    "mqtt_url": ("paho", "mqtt"),
    "cluster": ("nats", "cluster"),
    "mdns": ("zeroconf", "homeassistant"),
}


def check_integrations(settings: Settings) -> None:
    """Raises `SettingsError` if a package or a file is missing."""
    for name, (package, extra) in NEEDS.items():
        if getattr(settings, name) and find_spec(package) is None:
            raise SettingsError(f"{name} needs more packages: {how_to_install(extra)}")
    if settings.mqtt_url:
        _broker_options(settings)
    if settings.cluster:
        _cluster_options(settings)


async def open_integrations(parts: Parts) -> Callable[[], Awaitable[None]]:
    """Works with the systems of the settings; returns what ends that."""
    closers = []
    if parts.settings.cluster:
        from darvaz.gateway.cluster.node import ClusterNode

        node = ClusterNode(parts, _cluster_options(parts.settings))
        parts.metrics.register(node)
        node.open()
        parts.cluster = node
        closers.append(node.close)
    if parts.settings.mdns:
        from darvaz.gateway.announcement import GatewayAnnouncement

        announcement = GatewayAnnouncement(parts.settings)
        announcement.open()
        closers.append(announcement.close)
    switch = HomeAssistantSwitch(parts)
    await switch.open()
    parts.home_assistant = switch
    closers.append(switch.close)
    if parts.settings.mqtt_url:
        from darvaz.gateway.mqtt.bridge import Bridge

        bridge = Bridge(parts, _broker_options(parts.settings))
        parts.metrics.register(bridge)
        bridge.open()
        closers.append(bridge.close)

    async def close() -> None:
        for end in closers:
            await end()

    return close


def _broker_options(settings: Settings) -> BrokerOptions:
    from darvaz.gateway.mqtt.broker import BrokerOptions

    try:
        return BrokerOptions.of(settings)
    except (OSError, ValueError) as error:
        raise SettingsError(f"a file of the mqtt_ settings cannot be used: {error}") from None


def _cluster_options(settings: Settings) -> ClusterOptions:
    from darvaz.gateway.cluster.options import ClusterOptions

    try:
        return ClusterOptions.of(settings)
    except (OSError, ValueError) as error:
        raise SettingsError(f"a file of the cluster_ settings cannot be used: {error}") from None
