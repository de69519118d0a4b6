"""Finds the gateways of this network by mDNS: those that run with `--mdns true`; needs zeroconf."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from darvaz.doctor.target import TargetError
from darvaz.text.extras import how_to_install

SERVICE = "_darvaz._tcp.local."
# Gateways answer within a second (RFC 6762, section 6).
SEARCH_S = 2.0
_REQUEST_MS = 2_000


def find_gateway() -> str:
    """Returns the address of the one gateway of this network; raises `TargetError`."""
    if find_spec("zeroconf") is None:
        raise TargetError(f"name the gateway, or install what finds it: {how_to_install('homeassistant')}")
    found = asyncio.run(find_gateways())
    if not found:
        raise TargetError("no gateway answers in this network: start it with --mdns true, or name its address")
    if len(found) > 1:
        raise TargetError(f"several gateways answer: name one of {', '.join(found)}")
    return found[0]


async def find_gateways(interfaces: Sequence[str] = (), search_s: float = SEARCH_S) -> list[str]:
    """Returns the addresses of all gateways that answer, as URLs."""
    from zeroconf import IPVersion
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

    names: set[str] = set()
    options: dict[str, Any] = {"interfaces": list(interfaces)} if interfaces else {}
    async with AsyncZeroconf(ip_version=IPVersion.V4Only, **options) as network:

        def note(*, name: str, **_: Any) -> None:
            names.add(name)

        browser = AsyncServiceBrowser(network.zeroconf, SERVICE, handlers=[note])
        await asyncio.sleep(search_s)
        await browser.async_cancel()
        infos = [AsyncServiceInfo(SERVICE, name) for name in sorted(names)]
        answers = await asyncio.gather(*(info.async_request(network.zeroconf, _REQUEST_MS) for info in infos))
    return [url for info, has_answer in zip(infos, answers, strict=True) if has_answer and (url := _url_of(info))]


def _url_of(info: Any) -> str:
    """Returns the address of a gateway, or "" if it names none."""
    addresses = info.parsed_addresses()
    given = {key.decode(errors="replace"): (value or b"").decode(errors="replace")
             for key, value in info.properties.items()}  # fmt: skip
    scheme = "https" if given.get("tls") == "1" else "http"
    return f"{scheme}://{addresses[0]}:{info.port}{given.get('path', '')}" if addresses and info.port else ""
