"""Reads an export of the journal in a process of its own, so that what measures pings meanwhile does nothing else.

    python -m bench.export_reader PORT      the operator's token is the first line of the standard input

It prints how many lines the export has, but for the first.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
from contextlib import closing

from bench.child import BenchError

PATH = "/api/journal/export?format=csv"
DEADLINE_S = 600.0
_READ_BYTES = 1024 * 1024


def read_export(port: int, token: str) -> int:
    """Has a process read the whole export, and returns how many lines it has, but for the first."""
    command = [sys.executable, "-m", "bench.export_reader", str(port)]
    ran = subprocess.run(command, input=token, capture_output=True, text=True, timeout=DEADLINE_S)
    if ran.returncode:
        raise BenchError(f"the export could not be read: {ran.stderr.strip().splitlines()[-1:]}")
    return int(ran.stdout)


def _count_lines(port: int, token: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)) as link:
        link.request("GET", PATH, headers={"Authorization": f"Bearer {token}"})
        answer = link.getresponse()
        if answer.status != 200:
            raise BenchError(f"the export was answered with {answer.status}")
        lines = -1
        while more := answer.read(_READ_BYTES):
            lines += more.count(b"\n")
        return lines


if __name__ == "__main__":
    print(_count_lines(int(sys.argv[1]), sys.stdin.readline().strip()))
