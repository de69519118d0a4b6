"""The table of settings: the name, type, default and description of each, and the check of a value."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from darvaz.gateway.addresses import PublicUrl, is_public_url
from darvaz.gateway.frames import CameraSettings
from darvaz.gateway.frames.demand import Size
from darvaz.gateway.setting_rules import (
    ADDRESSES,
    BROKER,
    COMMANDS,
    HOSTS,
    NATS_SERVERS,
    NETWORKS,
    NODE_NAME,
    ORIGINS,
    TOPIC,
    ListRule,
)

PREFIX = "DARVAZ_"

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Days = Annotated[float, Meta(gt=0, le=36_500)]
Bytes = Annotated[int, Meta(ge=1_000_000, le=2**50)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Fps = Annotated[float, Meta(gt=0, le=30)]
Quality = Annotated[int, Meta(ge=1, le=100)]
Percent = Annotated[float, Meta(ge=0, le=100)]
DefaultSize = Literal["board", Size]


class SettingsError(Exception):
    """An invalid value; the text names the key, the value and what is expected."""


_PUBLIC_URL = ListRule(is_public_url, "an address such as https://boards.example.org/darvaz", is_single=True)


def _doc(description: str, *, may_change: bool = False, parts: ListRule | None = None, is_path: bool = False) -> Meta:
    """Describes a setting; `may_change` while the gateway runs, `parts` is the rule of a comma-separated list."""
    return Meta(description=description, extra={"may_change": may_change, "parts": parts, "is_path": is_path})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings; each field is an option of `darvaz serve`, a variable DARVAZ_… and a key of darvaz.toml."""

    # fmt: off
    host: Annotated[str, Meta(min_length=1), _doc("Address to listen on; 127.0.0.1 for this machine only.")] = "0.0.0.0"
    port: Annotated[int, Meta(ge=0, le=65_535), _doc("TCP port; 0 takes a free one.")] = 3000
    tls: Annotated[
        Literal["auto", "off", "self-signed"],
        _doc("HTTPS: auto if tls_cert is given, off, or self-signed with a certificate that the gateway makes."),
    ] = "auto"
    tls_cert: Annotated[str, _doc("Certificate of HTTPS with its chain, a file in PEM.", is_path=True)] = ""
    tls_key: Annotated[str, _doc("Its key, a file in PEM; none if tls_cert has it.", is_path=True)] = ""
    tls_psk: Annotated[bool, _doc("Whether boards may encrypt links by their tokens: needs Python 3.13.")] = True
    data: Annotated[str, Meta(min_length=1), _doc("Data folder of the gateway.", is_path=True)] = "data"

    heartbeat_s: Annotated[Seconds, _doc("Seconds between two pings to a board.")] = 120.0
    idle_timeout_s: Annotated[Seconds, _doc("Seconds without a message after which a link is closed.")] = 300.0
    auth_deadline_s: Annotated[
        Seconds, _doc("Seconds a client has to send its request, and a board to send its token.")
    ] = 10.0
    command_deadline_s: Annotated[Seconds, _doc("Seconds a board has to answer a command.", may_change=True)] = 10.0

    localhost_without_token: Annotated[bool, _doc("Whether programs on this machine need no token.")] = True
    public_tokens: Annotated[
        Literal["window", "always", "never"],
        _doc("When other machines may fetch tokens: in the enrolment window, always, never.", may_change=True),
    ] = "window"
    allowed_hosts: Annotated[
        str, _doc("Host names that browsers may use for the gateway, separated by commas.", parts=HOSTS)
    ] = ""
    allowed_origins: Annotated[
        str, _doc("Other origins whose pages may use the gateway, separated by commas.", parts=ORIGINS)
    ] = ""
    public_url: Annotated[
        str, _doc("Address at which browsers and boards reach the gateway, where a proxy gives it another.",
                  parts=_PUBLIC_URL)
    ] = ""
    trusted_proxies: Annotated[
        str, _doc("Addresses of reverse proxies whose X-Forwarded-For is used, separated by commas.", parts=NETWORKS)
    ] = ""

    links_per_address_max: Annotated[Count, _doc("Most links from one address.")] = 64
    links_max: Annotated[Count, _doc("Most links in all.")] = 20_000
    messages_per_s_max: Annotated[
        float, Meta(gt=0, le=10_000_000), _doc("Most packets per second of one device, averaged over two seconds.")
    ] = 1000.0

    journal_retain_days: Annotated[Days, _doc("Days that the journal is kept.", may_change=True)] = 30.0
    journal_retain_bytes_max: Annotated[
        Bytes, _doc("Largest size of the journal, in bytes.", may_change=True)
    ] = 536_870_912
    sync_interval_s: Annotated[
        Annotated[float, Meta(ge=0.1, le=60)],
        _doc("Seconds until a reading is on the disk; more of them wear a memory card less."),
    ] = 10.0
    history_readings_days: Annotated[
        Days, _doc("Days that the history keeps single readings.", may_change=True)
    ] = 7.0
    history_five_minutes_days: Annotated[
        Days, _doc("Days that the history keeps summaries of five minutes.", may_change=True)
    ] = 90.0
    history_hours_days: Annotated[
        Days, _doc("Days that the history keeps summaries of an hour.", may_change=True)
    ] = 1825.0
    history_retain_bytes_max: Annotated[
        Bytes, _doc("Largest size of the history, in bytes.", may_change=True)
    ] = 1_073_741_824

    camera_fps: Annotated[Fps, _doc("Frames per second for viewers that request none.")] = 10.0
    camera_fps_max: Annotated[Fps, _doc("Most frames per second that a camera is asked for.")] = 25.0
    camera_size: Annotated[
        DefaultSize, _doc("Frame size for viewers that request none; board: the board chooses.")
    ] = "board"
    camera_size_max: Annotated[Size, _doc("Largest frame size that a camera is asked for.")] = "UXGA"
    camera_quality: Annotated[
        int, Meta(ge=0, le=100), _doc("JPEG quality for viewers that request none; 0: the board chooses.")
    ] = 0
    camera_quality_max: Annotated[Quality, _doc("Highest JPEG quality that a camera is asked for.")] = 95
    camera_idle_every_s: Annotated[
        float, Meta(ge=0, le=3600), _doc("Seconds between frames of a camera without viewers; 0 for none.")
    ] = 10.0
    camera_ring_frames: Annotated[
        int, Meta(ge=0, le=1_000_000), _doc("Frames of each camera that are kept on disk; 0 keeps none.")
    ] = 0
    camera_ring_every_s: Annotated[Seconds, _doc("Seconds between two frames that are kept.")] = 1.0
    snapshot_deadline_s: Annotated[Seconds, _doc("Seconds a camera has to send a snapshot.")] = 8.0
    viewer_deadline_s: Annotated[Seconds, _doc("Seconds a viewer has to receive one frame.")] = 20.0
    viewers_max: Annotated[Count, _doc("Most viewers of cameras in all.")] = 1000

    mdns: Annotated[bool, _doc("Whether the network finds the gateway by mDNS, as darvaz.local.")] = False

    home_assistant: Annotated[bool, _doc("Whether Home Assistant discovers the boards, as ESPHome devices.")] = False
    home_assistant_ingress: Annotated[
        bool, _doc("Whether people whom Home Assistant lets in at the add-on's page are operators.")
    ] = False
    home_assistant_addresses: Annotated[
        str, _doc("Addresses of this machine for Home Assistant, separated by commas; all if empty.", parts=ADDRESSES)
    ] = ""
    home_assistant_port: Annotated[
        int, Meta(ge=0, le=65_535), _doc("TCP port of the first board for Home Assistant, others follow; 0: free ones.")
    ] = 6053

    mqtt_url: Annotated[
        str, _doc("MQTT broker that boards are shown at, as mqtt://broker.lan or mqtts://…; empty for none.",
                  parts=BROKER)
    ] = ""
    mqtt_user: Annotated[str, _doc("User name at the broker.")] = ""
    mqtt_password_file: Annotated[str, _doc("File with the password of this user.", is_path=True)] = ""
    mqtt_ca_file: Annotated[
        str, _doc("Certificates that sign the broker's, a file in PEM; those of the system if empty.", is_path=True)
    ] = ""
    mqtt_cert: Annotated[str, _doc("Certificate of the gateway for the broker, a file in PEM.", is_path=True)] = ""
    mqtt_key: Annotated[str, _doc("Its key, a file in PEM; none if mqtt_cert has it.", is_path=True)] = ""
    mqtt_prefix: Annotated[
        str, Meta(min_length=1), _doc("First part of the topics; each gateway of a broker needs its own.", parts=TOPIC)
    ] = "darvaz"
    mqtt_discovery: Annotated[
        str, _doc("First part of the topics that Home Assistant discovers devices by; empty for none.", parts=TOPIC)
    ] = "homeassistant"
    mqtt_picture_every_s: Annotated[
        float, Meta(ge=0, le=86_400), _doc("Seconds between two pictures of a camera at the broker; 0 for none.")
    ] = 10.0

    cluster: Annotated[
        str, _doc("NATS servers by which several gateways are one, as nats://a.lan or tls://…, separated by commas.",
                  parts=NATS_SERVERS)
    ] = ""
    cluster_node: Annotated[
        str, _doc("Name of this gateway among the others; that of the machine if empty.", parts=NODE_NAME)
    ] = ""
    cluster_credentials_file: Annotated[
        str, _doc("File with user:password, or a token, for the NATS servers.", is_path=True)
    ] = ""
    cluster_ca_file: Annotated[
        str, _doc("Certificates that sign those of the NATS servers, a file in PEM; those of the system if empty.",
                  is_path=True)
    ] = ""
    cluster_cert: Annotated[str, _doc("Certificate of the gateway for NATS, a file in PEM.", is_path=True)] = ""
    cluster_key: Annotated[str, _doc("Its key, a file in PEM; none if cluster_cert has it.", is_path=True)] = ""

    assistant_commands: Annotated[
        str,
        _doc(
            "Commands that assistants may send, as lamp/led or barn-*/*, separated by commas.",
            may_change=True,
            parts=COMMANDS,
        ),
    ] = ""

    push_local_hosts: Annotated[
        str, _doc("Hosts in the own network that may be push services of browsers, separated by commas.", parts=HOSTS)
    ] = ""
    automations: Annotated[str, _doc("Folder of automations in Python; none if empty.", is_path=True)] = ""
    updates_at_once: Annotated[Count, _doc("Most boards that receive an update at the same time.")] = 10
    update_tries: Annotated[Count, _doc("Tries of an update that a board refuses, then it is left alone.")] = 3
    update_retry_s: Annotated[Seconds, _doc("Seconds before the second try, twice as many before the next.")] = 20.0
    update_stop_percent: Annotated[Percent, _doc("Percentage of boards that may fall back in a rollout.")] = 0.0

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], _doc("Lowest level of lines in the log.", may_change=True)
    ] = "info"
    log_format: Annotated[Literal["text", "json"], _doc("Lines of the log: text, or one JSON object each.")] = "text"
    # fmt: on

    @property
    def has_tls(self) -> bool:
        """Whether people and boards use https:// and wss://."""
        return self.tls == "self-signed" or (self.tls == "auto" and bool(self.tls_cert))

    @property
    def offers_psk(self) -> bool:
        """Whether boards can encrypt their links with their tokens as keys."""
        return self.tls_psk and bool(getattr(ssl, "HAS_PSK", False))

    @property
    def data_path(self) -> Path:
        return Path(self.data).expanduser()

    @property
    def camera_settings(self) -> CameraSettings:
        return CameraSettings(
            fps=self.camera_fps,
            fps_max=self.camera_fps_max,
            size=self.camera_size,
            size_max=self.camera_size_max,
            quality=self.camera_quality,
            quality_max=self.camera_quality_max,
            idle_every_s=self.camera_idle_every_s,
        )

    @property
    def public(self) -> PublicUrl:
        return PublicUrl.parse(self.public_url.strip())

    def listed(self, name: str) -> tuple[str, ...]:
        """Returns the parts of a comma-separated setting."""
        return _split(getattr(self, name))


@cache
def hints() -> dict[str, Any]:
    """Returns the annotated type of each setting, by name; not to be changed."""
    return get_type_hints(Settings, include_extras=True)


def describe(hint: Any) -> str:
    """Returns the description of a setting."""
    sentences = [meta.description for meta in _metas(hint) if meta.description]
    return str(sentences[-1]) if sentences else ""


def may_change(hint: Any) -> bool:
    """Returns whether a setting may change while the gateway runs."""
    return bool(_extra(hint, "may_change"))


def is_path(hint: Any) -> bool:
    """Returns whether a setting names a file or folder."""
    return bool(_extra(hint, "is_path"))


def is_list(hint: Any) -> bool:
    """Returns whether a setting is a comma-separated list."""
    return _extra(hint, "parts") is not None


def expected(hint: Any) -> str:
    """Returns which values a setting accepts, in words."""
    base = hint
    while get_origin(base) is Annotated:
        base = get_args(base)[0]
    if get_origin(base) is Literal:
        return "one of " + ", ".join(get_args(base))
    if base is bool:
        return "true or false"
    metas = _metas(hint)
    low = next((f" above {m.gt:g}" if m.gt is not None else f" from {m.ge}" for m in metas if _has_low(m)), "")
    high = next((f" up to {m.le}" for m in metas if m.le is not None), "")
    return {int: "a whole number", float: "a number"}.get(base, "a text") + low + high


def option_name(name: str) -> str:
    return "--" + name.replace("_", "-")


def variable_name(name: str) -> str:
    return PREFIX + name.upper()


_TRUTH_VALUES = {
    "true": True, "1": True, "yes": True, "on": True,
    "false": False, "0": False, "no": False, "off": False,
}  # fmt: skip


def checked(source: str, value: Any, hint: Any) -> Any:
    """Returns a value of a setting in its type; it is text, or a plain value of a file.

    Raises `SettingsError`, in which `source` is the name of the setting where it was given.
    """
    plain = value
    if isinstance(value, str) and (bool in get_args(hint) or hint is bool):
        plain = _TRUTH_VALUES.get(value.strip().lower(), value)
    try:
        converted = msgspec.convert(plain, hint, strict=False)
    except msgspec.ValidationError:
        raise SettingsError(f"{source}={value}: expected {expected(hint)}") from None
    _check_parts(source, str(value), hint)
    return converted


def _check_parts(source: str, value: str, hint: Any) -> None:
    rule: ListRule | None = _extra(hint, "parts")
    if rule is None:
        return
    for part in filter(None, [value.strip()]) if rule.is_single else _split(value):
        if not rule.is_valid(part):
            raise SettingsError(f"{source}={value}: {part!r} is not {rule.expected}")


def _split(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _extra(hint: Any, key: str) -> Any:
    return next((meta.extra[key] for meta in _metas(hint) if meta.extra is not None), None)


def _metas(hint: Any) -> list[Meta]:
    metas: list[Meta] = []
    while get_origin(hint) is Annotated:
        metas = [m for m in get_args(hint)[1:] if isinstance(m, Meta)] + metas
        hint = get_args(hint)[0]
    return metas


def _has_low(meta: Meta) -> bool:
    return meta.gt is not None or meta.ge is not None
