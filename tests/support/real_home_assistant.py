"""Home Assistant itself, in an environment of its own below .cache, run offline in a network namespace."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from filelock import FileLock
from websockets.asyncio.client import ClientConnection, connect

from tests.support.netns import Outside

# The newest that runs on Python 3.13; later ones want 3.14.
VERSION = "2026.2.3"
# Where it names a release without a wheel, the next that has one: building pyspeex-noise takes half a minute.
_PACKAGES = (
    "pytest-homeassistant-custom-component==0.13.316", "aioesphomeapi==43.14.0", "aiousbwatcher==1.1.1", "av",
    "bleak-esphome==3.6.0", "bleak-retry-connector==4.4.3", "bleak==2.1.1", "bluetooth-adapters==2.1.0",
    "bluetooth-auto-recovery==1.5.3", "bluetooth-data-tools==1.28.4", "dbus-fast==3.1.2",
    "esphome-dashboard-api==1.3.0", "ha-ffmpeg==3.2.2", "habluetooth==5.8.0", "hassil==3.5.0",
    "home-assistant-frontend==20260128.6",
    "home-assistant-intents==2026.1.28", "mutagen==1.47.0", "PyTurboJPEG", "pymicro-vad==1.0.1", "pyserial==3.5",
    "pyspeex-noise==2.0.1",
)  # fmt: skip
_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / ".cache" / f"home-assistant-{VERSION}"
_PORT = 8123
_INSTALL_DEADLINE_S = 300.0
_START_DEADLINE_S = 120.0
_DEADLINE_S = 60.0
_CONFIGURATION = "homeassistant:\n  name: Home\nfrontend:\nconfig:\nzeroconf:\napi:\nlogger:\n  default: warning\n"
# It checks for 3.13.2 or later, of which it uses nothing here.
_START = (
    "import sys, homeassistant.const as const; const.REQUIRED_PYTHON_VER = (3, 13, 0);"
    "import homeassistant.__main__ as main; main.REQUIRED_PYTHON_VER = (3, 13, 0);"
    "sys.argv = ['hass', '--skip-pip', '-c', sys.argv[1]]; sys.exit(main.main())"
)


def python_of_home_assistant() -> Path:
    """Returns the Python of the environment, made at the first use; skips where that cannot be."""
    base = _find_python()
    if base is None:
        pytest.skip("Home Assistant needs Python 3.13, and this machine has none")
    _FOLDER.parent.mkdir(exist_ok=True)
    with FileLock(f"{_FOLDER}.lock"):
        if not (_FOLDER / "complete").exists():
            shutil.rmtree(_FOLDER, ignore_errors=True)
            _uv("venv", "--python", base, str(_FOLDER))
            # The packages ask for 3.13.2, of which they use nothing here.
            options = ("--python", str(_FOLDER / "bin/python"), "--python-version", "3.13.5")
            _uv("pip", "install", *options, *_PACKAGES)
            (_FOLDER / "complete").touch()
    return _FOLDER / "bin/python"


def _find_python() -> str | None:
    """Returns a Python of this machine that Home Assistant runs on."""
    candidates = [sys.executable, shutil.which("python3.13")]
    candidates += map(str, (Path.home() / ".pyenv/versions").glob("3.13.*/bin/python"))
    return next((path for path in candidates if path is not None and _is_new_enough(path)), None)


def _is_new_enough(python: str) -> bool:
    """Whether this is Python 3.13; what pyenv puts on the PATH may be nothing but an error."""
    shown = subprocess.run([python, "--version"], capture_output=True, text=True, timeout=_DEADLINE_S)
    return shown.stdout.startswith("Python 3.13.")


def _uv(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "uv", "--quiet", *words], capture_output=True, text=True, timeout=_INSTALL_DEADLINE_S
    )
    if done.returncode != 0:
        pytest.skip(f"Home Assistant {VERSION} cannot be installed here: {done.stderr.strip().splitlines()[-1:]}")


class HomeAssistant:
    """A running server, and a user of it."""

    def __init__(self, client: httpx.AsyncClient, link: ClientConnection) -> None:
        self._client = client
        self._link = link
        self._last_id = 0

    async def discovered(self, name: str) -> dict[str, Any]:
        """Waits for the card of a board, and returns it."""
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                for card in await self._ask("config_entries/flow/progress"):
                    if name in json.dumps(card["context"]):
                        return dict(card)
                await asyncio.sleep(0.1)

    async def add(self, card: dict[str, Any]) -> dict[str, Any]:
        """Clicks on the button of a card, and returns what came of it."""
        path = f"/api/config/config_entries/flow/{card['flow_id']}"
        return dict((await self._client.post(path, json={})).json())

    async def add_mqtt(self, broker: str, port: int) -> None:
        """Adds the integration MQTT with a broker, as a person does."""
        flow = (await self._client.post("/api/config/config_entries/flow", json={"handler": "mqtt"})).json()
        if flow["type"] == "menu":
            step = {"next_step_id": "broker"}
            flow = (await self._client.post(f"/api/config/config_entries/flow/{flow['flow_id']}", json=step)).json()
        fields = {"broker": broker, "port": port}
        path = f"/api/config/config_entries/flow/{flow['flow_id']}"
        done = (await self._client.post(path, json=fields)).json()
        assert done["type"] == "create_entry", done

    async def state(self, entity: str, fits: Callable[[str], bool] = lambda state: state != "unavailable") -> Any:
        """Waits until an entity has a state that fits, and returns all of it."""
        shown = ""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                while True:
                    response = await self._client.get(f"/api/states/{entity}")
                    shown = response.text
                    if response.status_code == 200 and fits(response.json()["state"]):
                        return response.json()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{entity} in Home Assistant: {shown}") from None

    async def act(self, domain: str, action: str, *, has_answer: bool = False, **data: Any) -> Any:
        """Carries out an action, and returns what the server says of it."""
        path = f"/api/services/{domain}/{action}" + ("?return_response" if has_answer else "")
        return (await self._client.post(path, json=data)).json()

    async def picture(self, entity: str) -> bytes:
        """Waits until a camera shows a picture, and returns it."""
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                response = await self._client.get(f"/api/camera_proxy/{entity}")
                if response.status_code == 200:
                    return response.content
                await asyncio.sleep(0.1)

    async def _ask(self, type_: str) -> Any:
        self._last_id += 1
        await self._link.send(json.dumps({"id": self._last_id, "type": type_}))
        while True:
            answer = json.loads(await self._link.recv())
            if answer.get("id") == self._last_id:
                return answer["result"]


@asynccontextmanager
async def home_assistant_in(network: Outside, folder: Path) -> AsyncIterator[HomeAssistant]:
    """Runs a server in a namespace until the block ends, with one user."""
    (folder / "configuration.yaml").write_text(_CONFIGURATION)
    # Without a route, nothing can be sent to the addresses of multicast.
    add_route = ("ip", "-n", network.name, "route", "add", "default", "via", network.inside)
    await asyncio.to_thread(subprocess.run, add_route, check=True)
    with (folder / "output.txt").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *network.prefix, str(python_of_home_assistant()), "-c", _START, str(folder), stdout=output, stderr=output
        )
    url = f"{network.address}:{_PORT}"
    try:
        async with httpx.AsyncClient(base_url=f"http://{url}", trust_env=False, timeout=_DEADLINE_S) as client:
            token = await _sign_up(client)
            client.headers["Authorization"] = f"Bearer {token}"
            async with connect(f"ws://{url}/api/websocket", proxy=None, max_size=None) as link:
                await link.send(json.dumps({"type": "auth", "access_token": token}))
                yield HomeAssistant(client, link)
    finally:
        process.terminate()
        await process.wait()


async def _sign_up(client: httpx.AsyncClient) -> str:
    """Waits for the server, makes its first user, and returns a token."""
    page = str(client.base_url) + "/"
    user = {"client_id": page, "name": "test", "username": "test", "password": "test", "language": "en"}
    async with asyncio.timeout(_START_DEADLINE_S):
        while True:
            try:
                code = (await client.post("/api/onboarding/users", json=user)).json()["auth_code"]
                break
            except (httpx.TransportError, ValueError):
                await asyncio.sleep(0.2)
    grant = {"client_id": page, "grant_type": "authorization_code", "code": code}
    token: str = (await client.post("/auth/token", data=grant)).json()["access_token"]
    return token
