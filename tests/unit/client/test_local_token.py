"""Where programs find the local token of a gateway on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from darvaz.client.local_token import LocalTokenAuth, find_local_token
from darvaz.gateway.local_token_file import LOCAL_TOKEN_NAME, LocalTokenFile

URL = "http://127.0.0.1:3000"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user of one's own, in a folder without data."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("DARVAZ_DATA", raising=False)


def written(data: Path, token: str = "dvz_localtoken_one", port: int = 3000) -> LocalTokenFile:
    data.mkdir(mode=0o700, exist_ok=True)
    file = LocalTokenFile(data, port)
    file.write(token)
    return file


@pytest.mark.parametrize("url", [URL, "http://localhost:3000/", "http://[::1]:3000"])
def test_token_is_found_by_the_port_alone(tmp_path: Path, url: str) -> None:
    written(tmp_path / "data")

    assert find_local_token(url) == "dvz_localtoken_one"


@pytest.mark.parametrize("url", ["http://[::1]:3001", "http://192.168.1.2:3000", "http://localhost.example:3000", "x"])
def test_token_goes_to_no_other_gateway(tmp_path: Path, url: str) -> None:
    written(tmp_path / "data")

    assert find_local_token(url) is None


def test_data_folder_of_the_environment_wins(tmp_path: Path) -> None:
    written(tmp_path / "mine", "dvz_localtoken_mine")
    written(tmp_path / "other", "dvz_localtoken_other")

    assert find_local_token(URL, environment={"DARVAZ_DATA": str(tmp_path / "mine")}) == "dvz_localtoken_mine"


def test_token_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    written(tmp_path / "data")
    (tmp_path / "data" / LOCAL_TOKEN_NAME).chmod(0o644)

    assert find_local_token(URL) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"port": 3000}', '{"port": 3000, "token": 5}', "\0", "[" * 5000])
def test_damaged_file_is_no_token(tmp_path: Path, content: str) -> None:
    written(tmp_path / "data")
    (tmp_path / "data" / LOCAL_TOKEN_NAME).write_text(content)

    assert find_local_token(URL) is None


def test_files_are_private_and_go_with_the_gateway(tmp_path: Path) -> None:
    file = written(tmp_path / "data")
    made = [tmp_path / "data" / LOCAL_TOKEN_NAME, tmp_path / "state" / "darvaz" / "gateway-3000.json"]

    assert [path.stat().st_mode & 0o777 for path in made] == [0o600, 0o600]
    assert "token" not in json.loads(made[1].read_text())
    file.remove()
    assert [path.exists() for path in made] == [False, False]


def test_data_folder_that_cannot_be_noted_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    written(tmp_path / "data")

    assert find_local_token(URL, tmp_path / "data") == "dvz_localtoken_one"


def test_client_finds_the_new_token_of_a_gateway_that_was_started_again(tmp_path: Path) -> None:
    written(tmp_path / "data", "dvz_localtoken_old")
    auth = LocalTokenAuth(URL)
    written(tmp_path / "data", "dvz_localtoken_new")

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if request.headers["authorization"] == "Bearer dvz_localtoken_new" else 401, json={})

    with httpx.Client(transport=httpx.MockTransport(answer), auth=auth, base_url=URL) as client:
        assert client.get("/api/devices").status_code == 200


def test_refusal_that_may_not_end_is_the_last_word(tmp_path: Path) -> None:
    written(tmp_path / "data", "dvz_localtoken_old")
    auth = LocalTokenAuth(URL)
    written(tmp_path / "data", "dvz_localtoken_new")
    shown: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        shown.append(request.headers["authorization"])
        return httpx.Response(401, content=b"x" * 5_000)

    with httpx.Client(transport=httpx.MockTransport(answer), auth=auth, base_url=URL) as client:
        assert client.get("/api/devices").status_code == 401

    assert shown == ["Bearer dvz_localtoken_old"]
