"""How the gateway starts, refuses to start, and ends."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from darvaz.gateway.settings import hints, option_name, variable_name
from darvaz.gateway.storage.database import DATABASE_NAME
from tests.support import journalled
from tests.support.gateway import GatewayProcess
from tests.support.record_log import wait_until_logged
from tests.support.verbs import run_darvaz

# Readings are synced as often as by default.
ENVIRONMENT = {"DARVAZ_SYNC_INTERVAL_S": "10"}
DEADLINE_S = 20.0
# The goal is 4 a second; a timer more that comes twice a second makes it 5 to 6.
WAKE_UPS_MAX, STRETCH_S, STRETCHES = 5.0, 3.0, 10


def serve(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return run_darvaz("serve", *arguments, env={**os.environ, **env})


def assert_refused(finished: subprocess.CompletedProcess[str], *words: str) -> None:
    assert finished.returncode != 0
    assert "Traceback" not in finished.stderr
    for word in words:
        assert word in finished.stderr


def test_help_lists_every_setting_with_its_variable() -> None:
    shown = serve("--help").stdout.replace("\n", " ")

    for name in hints():
        assert option_name(name) in shown
        assert variable_name(name) in "".join(shown.split())


@pytest.mark.parametrize("verb", [[], ["token"]], ids=["darvaz", "token"])
def test_the_list_of_verbs_is_cut_nowhere_on_80_columns(verb: list[str]) -> None:
    shown = run_darvaz(*verb, "--help", env={**os.environ, "COLUMNS": "80"}).stdout

    verbs = shown.split("Options:")[1]
    assert ":\n" in verbs
    assert "..." not in verbs


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("port", "99999", "up to 65535"),
        ("port", "many", "a whole number"),
        ("heartbeat_s", "0", "above 0"),
        ("public_tokens", "sometimes", "window, always, never"),
        ("localhost_without_token", "maybe", "true or false"),
    ],
)
def test_an_invalid_value_names_key_value_and_what_would_be_right(
    name: str, value: str, right: str, tmp_path: Path
) -> None:
    by_option = serve(option_name(name), value, "--data", str(tmp_path))
    by_variable = serve("--data", str(tmp_path), **{variable_name(name): value})

    assert_refused(by_option, option_name(name), value, right)
    assert_refused(by_variable, variable_name(name), value, right)


def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        finished = serve("--host", "127.0.0.1", "--port", port, "--data", str(tmp_path))

    assert_refused(finished, port, "taken", "--port")


def test_a_data_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    assert_refused(serve("--port", "0", "--data", str(tmp_path / "file" / "data")), "data")


def wait_until_listed(data: Path, device: str) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    with closing(sqlite3.connect(f"file:{data / DATABASE_NAME}?mode=ro", uri=True)) as database:
        while not database.execute("SELECT 1 FROM devices WHERE id = ?", (device,)).fetchone():
            assert time.monotonic() < deadline_s, f"{device} did not reach the database"
            time.sleep(0.05)


def test_the_journal_survives_a_kill_and_the_next_start_knows_the_devices() -> None:
    from websockets.sync.client import connect

    with GatewayProcess() as gateway:
        with connect(f"{gateway.ws_url}/ws/pico") as board:
            board.send('{"type":"connect","device":"survivor"}')
            board.recv(timeout=10)
            board.send('{"type":"log","message":"last words"}')
            wait_until_logged(gateway.data, "last words")
            # The list of devices has a thread of its own.
            wait_until_listed(gateway.data, "survivor")
            gateway.kill()
        gateway.start()

        devices = gateway.get("/api/devices").json()["devices"]

    assert [device["id"] for device in devices] == ["survivor"]
    assert devices[0]["online"] is False


def test_the_banner_says_where_it_is_and_how_to_add_a_board(gateway: GatewayProcess) -> None:
    banner = gateway.log_text()

    assert f"http://127.0.0.1:{gateway.port}" in banner
    assert "/public/tokens" in banner


def wake_ups(gateway: GatewayProcess) -> dict[str, int]:
    """Returns how often each thread of a gateway has waited for something and went on, by its id."""
    threads = Path(f"/proc/{gateway.process.pid}/task")
    lines = {thread.name: (thread / "status").read_text().splitlines() for thread in threads.iterdir()}
    return {name: int(dict(line.split(":", 1) for line in lines[name])["voluntary_ctxt_switches"]) for name in lines}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system does not count what threads wait for")
def test_an_idle_gateway_wakes_the_processor_a_few_times_a_second(gateway: GatewayProcess) -> None:
    # What the start leaves to do is over in one of these stretches.
    rates = []
    for _ in range(STRETCHES):
        before = wake_ups(gateway)
        time.sleep(STRETCH_S)
        after = wake_ups(gateway)
        rates.append(sum(after[thread] - before.get(thread, 0) for thread in after) / STRETCH_S)
        if rates[-1] <= WAKE_UPS_MAX:
            break

    assert min(rates) <= WAKE_UPS_MAX, rates


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return socket.has_dualstack_ipv6()
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_every_address_of_ipv6_means_those_of_ipv4_too_and_both_are_localhost() -> None:
    with GatewayProcess("--host", "::") as gateway:
        old = gateway.get("/api/devices")
        new = httpx.get(f"http://[::1]:{gateway.port}/public/tokens", trust_env=False, timeout=30)
        journalled.wait_for_line(gateway.data, type="tokens issued")
        gateway.get("/public/tokens")
        issued = journalled.wait_for_line(gateway.data, count=2, type="tokens issued")

    assert (old.status_code, new.status_code) == (200, 200)
    assert [line.address for line in issued] == ["::1", "127.0.0.1"]


def test_an_idle_timeout_below_the_heartbeat_causes_a_warning() -> None:
    with GatewayProcess("--idle-timeout-s", "60", "--heartbeat-s", "60") as gateway:
        assert "quiet boards are closed before they are asked" in gateway.log_text()
    with GatewayProcess() as gateway:
        assert "quiet boards" not in gateway.log_text()


def test_a_second_start_ends_clean_with_status_0() -> None:
    with GatewayProcess() as gateway:
        assert gateway.stop() == 0
        gateway.start()
        assert gateway.stop() == 0
        assert "Traceback" not in gateway.log_text()
