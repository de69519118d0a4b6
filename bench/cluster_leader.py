"""How long the loss of a leader keeps entries from being stored: `python -m bench.cluster_leader --runs 5`.

Boards log numbered lines at two gateways; the server of NATS that leads the stream of journals is killed. Shown are the
seconds until NATS has another leader, and until the stream grows again: the difference is that of the gateways. Then
the lines are counted that a gateway had confirmed, at each gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import Error

from bench.cluster import gateway, wait_until_seen
from bench.cluster_restart import Boards, show_lines
from darvaz.gateway.cluster.journal_sender import STREAM
from darvaz.pytest_plugin.gateway_process import port_of, reserve_port

SERVERS = 3
_BOARDS = 20
_LOOK_S = 0.02
_ANSWER_S = 0.2
_DEADLINE_S = 60.0


@contextlib.contextmanager
def nats_servers(folder: Path) -> Iterator[dict[str, tuple[str, subprocess.Popen[bytes]]]]:
    """Runs three servers that are one, by their names: the address and the process of each."""
    with contextlib.ExitStack() as stack:
        ports = [port_of(stack.enter_context(reserve_port())) for _ in range(2 * SERVERS)]
        routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports[SERVERS:])
        found = {}
        for number in range(SERVERS):
            name, store = f"n{number}", folder / f"n{number}"
            lines = [
                f"server_name: {name}",
                f"listen: 127.0.0.1:{ports[number]}",
                f'jetstream {{ store_dir: "{store}", max_file_store: 1GB, max_memory_store: 64MB }}',
                f"cluster {{ name: bench, listen: 127.0.0.1:{ports[SERVERS + number]}, no_advertise: true,"
                f" routes: [{routes}] }}",
            ]
            settings = folder / f"{name}.conf"
            settings.write_text("\n".join(lines) + "\n")
            command = [str(Path(sys.executable).with_name("nats-server")), "-c", str(settings)]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)
            found[name] = (f"nats://127.0.0.1:{ports[number]}", process)
        yield found


async def info_of(client: Client) -> dict[str, Any] | None:
    """Returns what the leader of the stream says; None where there is none."""
    with contextlib.suppress(Error, TimeoutError):
        answer = json.loads((await client.request(f"$JS.API.STREAM.INFO.{STREAM}", timeout=_ANSWER_S)).data)
        return answer if "state" in answer else None
    return None


async def kill_leader(servers: dict[str, tuple[str, subprocess.Popen[bytes]]]) -> tuple[float, float]:
    """Kills the leader; returns the seconds until there is another one, and until the stream has more."""
    first = await nats.connect([url for url, _ in servers.values()])
    info = await info_of(first)
    await first.close()
    assert info is not None, "the stream has no leader"
    leader = info["cluster"]["leader"]
    client = await nats.connect([url for name, (url, _) in servers.items() if name != leader])
    info = await info_of(client)
    assert info is not None and info["cluster"]["leader"] == leader, "there is another leader already"
    servers[leader][1].kill()
    # One more may have come meanwhile.
    last = info["state"]["last_seq"] + 1
    killed_s, elected_s = time.monotonic(), None
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                found = await info_of(client)
                if found is not None and found["cluster"].get("leader") not in (None, leader):
                    elected_s = elected_s or time.monotonic()
                    if found["state"]["last_seq"] > last:
                        return elected_s - killed_s, time.monotonic() - killed_s
                await asyncio.sleep(_LOOK_S)
    finally:
        await client.close()


async def measure(folder: Path, lines_per_s: int, seconds: int) -> tuple[float, float]:
    """Prints the counts of one run; returns its seconds."""
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(nats_servers(folder))
        urls = ",".join(url for url, _ in servers.values())
        options = ("--cluster", urls, "--messages-per-s-max", "100000")
        gateways = [stack.enter_context(gateway(folder, name, *options)) for name in ("one", "two")]
        boards = Boards(gateways, _BOARDS, lines_per_s)
        for each in gateways:
            await wait_until_seen(each, f"bench-{_BOARDS - 1}")
        await asyncio.sleep(seconds / 3)
        found = await kill_leader(servers)
        await asyncio.sleep(seconds * 2 / 3)
        await boards.end()
        for each in gateways:
            await show_lines(each, boards)
    return found


def main() -> int:
    """Measures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--lines", type=int, default=5000, help="a second, of all boards")
    parser.add_argument("--seconds", type=int, default=21, help="of a run, beside what it takes to start and to count")
    options = parser.parse_args()
    gaps = []
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory(prefix="darvaz-bench-") as folder:
            elected_s, stored_s = asyncio.run(measure(Path(folder), options.lines, options.seconds))
        print(f"another leader after {elected_s:.2f} s, stored again after {stored_s:.2f} s", flush=True)
        gaps.append((elected_s, stored_s))
    own = [stored_s - elected_s for elected_s, stored_s in gaps]
    print(f"of that, the gateways took {statistics.median(own):.2f} s, {max(own):.2f} s at most")
    return 0


if __name__ == "__main__":
    sys.exit(main())
