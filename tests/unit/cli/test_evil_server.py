"""The command line asks a server that is not a gateway: it takes a bounded answer, and says one safe sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from darvaz.cli import cli
from darvaz.client import transport
from tests.support.evil_server import HOSTILE, MEBIBYTE, answer, bomb, endless, evil_server, head, trickle

TOKEN = "dvz_0123456789_secretsecretsecret"
BYTES_MAX = MEBIBYTE

VERBS: dict[str, tuple[str, ...]] = {
    "devices": ("devices",),
    "send": ("send", "cam", "info"),
    "log": ("log",),
    "login": ("login", "URL"),
    "issue": ("token", "issue", "pico"),
    "list": ("token", "list"),
    "revoke": ("token", "revoke", "1"),
    "enrol": ("enrol",),
    "signin": ("signin",),
    "snapshot": ("snapshot", "cam"),
    "record": ("record", "cam", "-o", "film.mkv"),
    "simulate": ("simulate", "--esp32cam", "0"),
}
ANSWERS: dict[str, Callable[[], Iterable[bytes]]] = {
    "endless": endless,
    "packed": lambda: bomb(16),
    "packed twice": lambda: answer(b"{}", 200, "Content-Encoding: gzip, gzip"),
    "damaged": lambda: answer(b"\x1f\x8b\x08\x00nonsense", 200, "Content-Encoding: gzip"),
    "brotli": lambda: answer(b"{}", 200, "Content-Encoding: br"),
    "not JSON": lambda: answer(HOSTILE.encode()),
    "not UTF-8": lambda: answer(b'{"devices": "\xff\xfe"}'),
    "deep": lambda: answer(b"[" * 100_000),
    "list": lambda: answer([1, 2]),
    "number": lambda: answer(7),
    "wrong types": lambda: answer({name: [{"id": 1}, 2, None] for name in ("devices", "rows", "tokens", "path")}),
    "refusal": lambda: answer({"detail": HOSTILE, "code": HOSTILE}, 403, "Retry-After: " + "9" * 5_000),
    "long refusal": lambda: answer(b"x" * 2 * MEBIBYTE, 404),
    "elsewhere": lambda: answer(b"", 302, "Location: http://127.0.0.1:1/\x1b[31m"),
    "no status": lambda: [b"HTTP/1.1 999999 ?\r\n\r\n"],
    "no HTTP": lambda: [HOSTILE.encode() * 50],
    "endless head": lambda: [b"HTTP/1.1 200 OK\r\nA: " + b"x" * MEBIBYTE],
    "cut off": lambda: [head(200, "Content-Length: 100") + b"{"],
}  # fmt: skip
# The three ways in which the command reads: JSON, a file, a stream; and what the others do with JSON.
CASES = [
    *((verb, name) for verb in ("devices", "snapshot", "record") for name in ANSWERS),
    *((verb, name) for verb in VERBS for name in ("not JSON", "wrong types", "elsewhere")),
]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(transport, "ANSWER_BYTES_MAX", BYTES_MAX)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("DARVAZ_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)


def run(url: str, words: Iterable[str]) -> Result:
    given = [url if word == "URL" else word for word in words]
    return CliRunner(env={"DARVAZ_GATEWAY": url}).invoke(cli, given)


def assert_one_safe_sentence(done: Result) -> None:
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    assert done.stderr.rstrip("\n").isprintable()
    assert len(done.stderr) < 1_000


@pytest.mark.parametrize(("verb", "name"), CASES)
def test_a_strange_answer_is_one_safe_sentence(verb: str, name: str) -> None:
    with evil_server(ANSWERS[name]()) as server:
        done = run(server.url, VERBS[verb])

    assert_one_safe_sentence(done)
    # What is on its way when the client leaves is lost.
    assert server.sent_bytes < BYTES_MAX + 8 * MEBIBYTE


def test_an_answer_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "DEADLINE_S", 0.2)
    with evil_server(trickle(), pause_s=0.02) as server:
        done = run(server.url, VERBS["devices"])

    assert_one_safe_sentence(done)
    assert "not complete after 0.2 s" in done.stderr


@pytest.mark.parametrize("verb", ["devices", "snapshot", "record", "send"])
def test_a_token_does_not_follow_to_another_place(verb: str) -> None:
    with evil_server(answer({})) as other:
        for status in (301, 302, 303, 307, 308):
            with evil_server(answer({}, status, f"Location: {other.url}/")) as server:
                done = run(server.url, VERBS[verb])

            assert other.url in done.stderr
            assert TOKEN in server.requests[0]
    assert other.requests == []


@pytest.mark.parametrize("created", [1e300, -1e12, "1", None, True])
def test_a_time_that_no_calendar_has_is_refused(created: Any) -> None:
    token = dict.fromkeys(("device", "expires", "last_used", "last_address"))
    texts = {"id": "1", "kind": "pico", "state": "live", "label": ""}
    with evil_server(answer({"tokens": [{**token, **texts, "is_minted": False, "created": created}]})) as server:
        assert_one_safe_sentence(run(server.url, VERBS["list"]))


def test_words_of_a_server_are_shown_without_what_a_terminal_obeys() -> None:
    answers: dict[str, Any] = {
        "issue": {"id": HOSTILE, "token": HOSTILE},
        "signin": {"path": HOSTILE},
        "send": {"result": HOSTILE},
        "enrol": {"is_open": True, "seconds_left": 1.0, "policy": "window", "address": HOSTILE},
    }
    for verb, content in answers.items():
        with evil_server(answer(content)) as server:
            done = run(server.url, VERBS[verb])

        assert done.exit_code == 0, done.output
        assert all(line.isprintable() for line in done.output.splitlines())
        assert "\x1b" not in done.output and "\x85" not in done.output


@pytest.mark.parametrize(("pages_max", "bytes_max"), [(3, MEBIBYTE), (1_000, 100)])
def test_pages_end(monkeypatch: pytest.MonkeyPatch, pages_max: int, bytes_max: int) -> None:
    monkeypatch.setattr(transport, "PAGES_MAX", pages_max)
    monkeypatch.setattr(transport, "PAGED_BYTES_MAX", bytes_max)
    with evil_server(answer({"devices": [], "next": "a"})) as server:
        done = run(server.url, VERBS["devices"])

    assert_one_safe_sentence(done)
    assert "goes on and on" in done.stderr
    assert len(server.requests) <= 5
