"""Settings come from options, then the environment, then darvaz.toml, then defaults; unknown names are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from darvaz.gateway.config_file import CONFIG_BYTES_MAX, find_config
from darvaz.gateway.setting_sources import load_settings
from darvaz.gateway.settings import SettingsError

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        file = tmp_path / "darvaz.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def refusal(config: Path) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings({}, {}, config)
    return str(refused.value)


def test_an_option_wins_over_the_environment_that_over_the_file_and_that_over_the_default(write: Write) -> None:
    file = write('port = 1\nhost = "127.0.0.2"\nlinks_max = 5')
    environ = {"DARVAZ_PORT": "4000", "DARVAZ_HOST": "127.0.0.1"}

    settings, sources, _ = load_settings({"port": "5000"}, environ, file)

    assert (settings.port, settings.host, settings.links_max, settings.viewers_max) == (5000, "127.0.0.1", 5, 1000)
    assert sources["port"] == "--port"
    assert sources["host"] == "DARVAZ_HOST"
    assert sources["links_max"] == str(file)
    assert sources["viewers_max"] == "default"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("port = 65536", "port=65536: expected a whole number from 0 up to 65535"),
        ("port = true", "port=True: expected a whole number"),
        ("host = 5", "host=5: expected a text"),
        ('log_level = "loud"', "log_level=loud: expected one of debug"),
        ("localhost_without_token = 2", "localhost_without_token=2: expected true or false"),
        ('trusted_proxies = ["127.0.0.1", "*"]', "trusted_proxies=127.0.0.1,*: '*' is not an IP address"),
        ("trusted_proxies = [1]", "trusted_proxies=[1]: expected a text"),
    ],
)
def test_a_value_of_the_file_has_the_checks_of_an_option(line: str, sentence: str, write: Write) -> None:
    file = write(line)

    assert refusal(file).startswith(f"{file}: {sentence}")


def test_a_list_in_the_file_is_an_array_or_a_text_with_commas(write: Write) -> None:
    array = load_settings({}, {}, write('allowed_hosts = ["a.example", "b.example"]')).settings
    text = load_settings({}, {}, write('allowed_hosts = "a.example, b.example"')).settings

    assert array.listed("allowed_hosts") == text.listed("allowed_hosts") == ("a.example", "b.example")


def test_a_path_in_the_file_is_beside_the_file(write: Write, tmp_path: Path) -> None:
    assert load_settings({}, {}, write('data = "boards"')).settings.data_path == tmp_path / "boards"
    assert load_settings({}, {}, write('data = "/var/lib/darvaz"')).settings.data_path == Path("/var/lib/darvaz")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("prot", "did you mean port?"),
        ("heartbeat-s", "did you mean heartbeat_s?"),
        ("trusted_proxy", "did you mean trusted_proxies?"),
        ("colour", "`darvaz config` lists the settings"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_name(key: str, hint: str, write: Write) -> None:
    file = write(f'{key} = "1"')

    assert refusal(file) == f"{file}: {key} is not a setting; {hint}"


def test_an_unknown_variable_is_told_with_the_nearest_name() -> None:
    environ = {"DARVAZ_PROT": "1", "DARVAZ_COLOUR": "red", "DARVAZ_TOKEN": "dvz_1_2", "DARVAZ_COMPILED": "no"}

    remarks = load_settings({}, environ).remarks

    assert remarks == [
        "DARVAZ_COLOUR is set, but is not a setting",
        "DARVAZ_PROT is set, but is not a setting; did you mean DARVAZ_PORT?",
    ]


def test_a_file_that_cannot_be_used_is_a_sentence(write: Write, tmp_path: Path) -> None:
    assert "is not TOML" in refusal(write("port 3000"))
    assert "cannot be read: No such file" in refusal(tmp_path / "missing.toml")
    assert f"more than {CONFIG_BYTES_MAX} bytes" in refusal(write("#" * (CONFIG_BYTES_MAX + 1)))
    write("").write_bytes(b'host = "\xff"')
    assert "is not UTF-8" in refusal(tmp_path / "darvaz.toml")


def test_a_byte_order_mark_of_an_editor_is_accepted(write: Write) -> None:
    assert load_settings({}, {}, write("\ufeffport = 4000")).settings.port == 4000


def test_the_file_is_the_named_one_else_the_one_here_else_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = tmp_path / "home" / "darvaz" / "darvaz.toml"
    users.parent.mkdir(parents=True)
    users.write_text("")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "home")}
    monkeypatch.chdir(tmp_path)

    assert find_config(None, environ) == users
    Path("darvaz.toml").write_text("")
    assert find_config(None, environ) == Path("darvaz.toml")
    assert find_config(None, environ | {"DARVAZ_CONFIG": "/named.toml"}) == Path("/named.toml")
    assert find_config("/option.toml", environ | {"DARVAZ_CONFIG": "/named.toml"}) == Path("/option.toml")
