"""Every knob of the gateway: read once, typed, its unit in its name."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from darvaz.gateway.frames import CameraSettings
from darvaz.gateway.frames.demand import Size

PREFIX = "DARVAZ_"

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Fps = Annotated[float, Meta(gt=0, le=30)]
Quality = Annotated[int, Meta(ge=1, le=100)]
OwnSize = Literal["board", Size]


class SettingsError(Exception):
    """A value that cannot be used; the text names the key, the value and what would be right."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the gateway runs; each field is an option of `darvaz serve` and a variable DARVAZ_…"""

    host: Annotated[str, Meta(min_length=1, description="Address to listen on; 127.0.0.1 for this machine only.")] = (
        "0.0.0.0"
    )
    port: Annotated[int, Meta(ge=0, le=65_535, description="TCP port; 0 takes a free one.")] = 3000
    data: Annotated[str, Meta(min_length=1, description="Folder of everything the gateway remembers.")] = "data"
    heartbeat_s: Annotated[Seconds, Meta(description="Seconds between two pings of the gateway.")] = 120.0
    idle_timeout_s: Annotated[Seconds, Meta(description="Seconds of silence that end a link.")] = 300.0
    auth_deadline_s: Annotated[Seconds, Meta(description="Seconds to send a request, and auth if it had no token.")] = (
        10.0
    )
    command_deadline_s: Annotated[Seconds, Meta(description="Seconds a board has to answer a command.")] = 10.0
    localhost_without_token: Annotated[
        bool, Meta(description="Let this machine's own programs in without a token.")
    ] = True
    public_tokens: Annotated[
        Literal["window", "always", "never"],
        Meta(description="Who may fetch tokens from elsewhere: while the enrolment window is open, always, never."),
    ] = "window"
    allowed_hosts: Annotated[str, Meta(description="Host names that browsers may use, separated by commas.")] = ""
    allowed_origins: Annotated[str, Meta(description="Foreign origins that browsers may come from, by commas.")] = ""
    trusted_proxies: Annotated[
        str, Meta(description="Addresses of reverse proxies whose X-Forwarded-For is believed, by commas.")
    ] = ""
    links_per_address_max: Annotated[Count, Meta(description="Most links from one address.")] = 64
    links_max: Annotated[Count, Meta(description="Most links in all.")] = 20_000
    messages_per_s_max: Annotated[
        float,
        Meta(gt=0, le=10_000_000, description="Most packets a second from one device, over two seconds."),
    ] = 1000.0
    journal_retain_days: Annotated[float, Meta(gt=0, le=36_500, description="Days the journal keeps.")] = 30.0
    journal_retain_bytes_max: Annotated[
        int, Meta(ge=1_000_000, description="Largest size of the journal, in bytes.")
    ] = 536_870_912
    history_readings_days: Annotated[
        float, Meta(gt=0, le=36_500, description="Days the history keeps single readings.")
    ] = 7.0
    history_five_minutes_days: Annotated[
        float, Meta(gt=0, le=36_500, description="Days the history keeps summaries of five minutes.")
    ] = 90.0
    history_hours_days: Annotated[
        float, Meta(gt=0, le=36_500, description="Days the history keeps summaries of an hour.")
    ] = 1825.0
    history_retain_bytes_max: Annotated[
        int, Meta(ge=1_000_000, description="Largest size of the history, in bytes.")
    ] = 1_073_741_824
    camera_fps: Annotated[Fps, Meta(description="Frames a second for viewers who do not say how many.")] = 10.0
    camera_fps_max: Annotated[Fps, Meta(description="Most frames a second that a camera is asked for.")] = 25.0
    camera_size: Annotated[
        OwnSize, Meta(description="Frame size for viewers who do not say which; board leaves it to it.")
    ] = "board"
    camera_size_max: Annotated[Size, Meta(description="Largest frame size that a camera is asked for.")] = "UXGA"
    camera_quality: Annotated[
        int, Meta(ge=0, le=100, description="JPEG quality for viewers who do not say which; 0 leaves it to the board.")
    ] = 0
    camera_quality_max: Annotated[Quality, Meta(description="Highest JPEG quality that a camera is asked for.")] = 95
    camera_idle_every_s: Annotated[
        float, Meta(ge=0, le=3600, description="Seconds between the pictures of a camera nobody looks at; 0 for none.")
    ] = 10.0
    camera_ring_frames: Annotated[
        int, Meta(ge=0, le=1_000_000, description="Frames of each camera that are kept on disk; 0 keeps none.")
    ] = 0
    camera_ring_every_s: Annotated[Seconds, Meta(description="Seconds between two frames that are kept.")] = 1.0
    snapshot_deadline_s: Annotated[Seconds, Meta(description="Seconds a camera has to send a snapshot.")] = 8.0
    viewer_deadline_s: Annotated[Seconds, Meta(description="Seconds a viewer has to take one frame.")] = 20.0
    viewers_max: Annotated[Count, Meta(description="Most viewers of cameras in all.")] = 1000
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="How much the server's own log says.")
    ] = "info"

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

    def listed(self, name: str) -> tuple[str, ...]:
        """Returns a comma-separated setting as its parts."""
        return _split(getattr(self, name))


def load_settings(given: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Returns the settings: what was given, else the environment, else the default.

    Raises `SettingsError` naming key, value and what would be right.
    """
    environ = os.environ if environ is None else environ
    chosen: dict[str, Any] = {}
    for name, hint in hints().items():
        variable = variable_name(name)
        value = (given or {}).get(name)
        source = option_name(name) if value is not None else variable
        value = environ.get(variable) if value is None else value
        if value is not None:
            chosen[name] = _convert(source, value, hint)
            _check_parts(source, name, value)
    return Settings(**chosen)


def hints() -> dict[str, Any]:
    """Returns each setting's annotated type, by name."""
    return get_type_hints(Settings, include_extras=True)


def describe(hint: Any) -> str:
    """Returns the sentence that an annotated type carries."""
    sentences = [meta.description for meta in _metas(hint) if meta.description]
    return str(sentences[-1]) if sentences else ""


def expected(hint: Any) -> str:
    """Says which values an annotated type accepts."""
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
    return {int: "a whole number", float: "a number"}.get(base, "some text") + low + high


def option_name(name: str) -> str:
    return "--" + name.replace("_", "-")


def variable_name(name: str) -> str:
    return PREFIX + name.upper()


def _convert(source: str, value: str, hint: Any) -> Any:
    plain: Any = value
    if bool in get_args(hint) or hint is bool:
        plain = {
            "true": True,
            "1": True,
            "yes": True,
            "on": True,
            "false": False,
            "0": False,
            "no": False,
            "off": False,
        }.get(value.strip().lower(), value)
    try:
        return msgspec.convert(plain, hint, strict=False)
    except msgspec.ValidationError:
        raise SettingsError(f"{source}={value}: expected {expected(hint)}") from None


def _check_parts(source: str, name: str, value: str) -> None:
    if name not in _PARTS:
        return
    is_right, right = _PARTS[name]
    for part in _split(value):
        if not is_right(part):
            raise SettingsError(f"{source}={value}: {part!r} is not {right}")


def _split(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _is_network(part: str) -> bool:
    try:
        ipaddress.ip_network(part)
    except ValueError:
        return False
    return True


# A proxy by name, or `*` for any, would let callers choose the address that the gateway sees.
_PARTS: dict[str, tuple[Callable[[str], bool], str]] = {
    "trusted_proxies": (_is_network, "an IP address or a network such as 192.168.1.0/24"),
    "allowed_origins": (
        lambda part: re.fullmatch(r"https?://[^/\s]+/?", part) is not None,
        "an origin such as https://boards.example.org",
    ),
    "allowed_hosts": (
        lambda part: re.fullmatch(r"[^/\s]+", part) is not None,
        "a host name such as boards.example.org, without scheme and path",
    ),
}


def _metas(hint: Any) -> list[Meta]:
    metas: list[Meta] = []
    while get_origin(hint) is Annotated:
        metas = [m for m in get_args(hint)[1:] if isinstance(m, Meta)] + metas
        hint = get_args(hint)[0]
    return metas


def _has_low(meta: Meta) -> bool:
    return meta.gt is not None or meta.ge is not None
