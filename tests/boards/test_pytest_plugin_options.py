"""The options of the pytest plugin: what a wrong one answers, and what it costs who does not use it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from darvaz.client.config import GatewayConfig, login_path, remember
from tests.support.gateway import GatewayProcess
from tests.support.hil import WITHOUT_PLUGINS
from tests.support.maker_project import project, run
from tests.support.tls_proxy import TlsProxy

pytest_plugins = ["pytester"]
# A gateway and a board of its own for each run.
pytestmark = pytest.mark.timeout(100)


__all__ = ["project"]


# What is chosen wrongly


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--board", "virtua"), "--board=virtua: expected virtual, *"),
        (("--board-wiring", "nowhere.toml"), "the wiring file *nowhere.toml cannot be read: No such file or directory"),
    ],
)
def test_wrong_option_ends_the_run_before_the_first_test(
    pytester: pytest.Pytester, words: tuple[str, ...], message: str
) -> None:
    result = run(pytester, "def test_it():\n    pass", *words)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_gateway_with_an_authority_in_ssl_cert_file_is_asked(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with GatewayProcess() as gateway, TlsProxy(gateway.port, tmp_path) as proxy:
        monkeypatch.setenv("SSL_CERT_FILE", str(proxy.authority))
        result = run(pytester, "def test_it(board):\n    pass", "--board", "device:x", "--gateway", proxy.url)

    result.stdout.fnmatch_lines([f"--board=device:x: not a device of {proxy.url}, which has none yet"])


def test_gateway_of_a_login_is_asked(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("DARVAZ_GATEWAY", raising=False)
    with GatewayProcess() as gateway:
        token = gateway.post("/api/tokens", json={"kind": "operator"}).json()["token"]
        remember(login_path(), GatewayConfig(gateway.url, token))
        result = run(pytester, "def test_it(board):\n    pass", "--board", "device:x")

    result.stdout.fnmatch_lines([f"--board=device:x: not a device of {gateway.url}, which has none yet"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--board-program", "nowhere"), "there is no folder */nowhere with a program (--board-program)"),
        (("--board", "/dev/ttyNONE"), "--board=/dev/ttyNONE: there is no serial port /dev/ttyNONE*"),
        (
            ("--board", "device:x", "--gateway", "http://127.0.0.1:9"),
            "no gateway answers at http://127.0.0.1:9 (*): *",
        ),
        (("--board", "device:x", "--gateway", "nonsense"), "*nonsense*"),
    ],
)
def test_missing_bench_gives_a_short_message(pytester: pytest.Pytester, words: tuple[str, ...], message: str) -> None:
    result = run(pytester, "def test_it(board):\n    pass\n\ndef test_that(board):\n    pass", *words)

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([message])
    assert "Traceback" not in result.stdout.str() and "During handling" not in result.stdout.str()


def test_unknown_scope_ends_the_run_before_the_first_test(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_it():\n    pass", "-o", "darvaz_board_scope=forever")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    expected = "ERROR: darvaz_board_scope = forever: expected function, class, module, package, session"
    result.stderr.fnmatch_lines([expected])


# Who does not use it


def test_unused_plugin_imports_nearly_nothing(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        def pytest_unconfigure():
            import sys
            from darvaz.pytest_plugin import plugin
            ours = ("darvaz", "httpx", "msgspec", "mpremote", "filelock")
            print("loaded:", *sorted(name for name in sys.modules if name.split(".")[0] in ours))
        """
    )
    pytester.makepyfile("def test_it():\n    pass")
    # Not a fork, which has imported all.
    result = pytester.runpytest_subprocess(*WITHOUT_PLUGINS, "-p", "no:xdist", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["loaded: darvaz darvaz.compiled darvaz.pytest_plugin darvaz.pytest_plugin.plugin"])


def test_projects_with_options_and_fixtures_of_these_names_keep_them(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        def pytest_addoption(parser):
            parser.addoption("--board", default="of cheese")
            parser.addoption("--gateway", type=int)

        @pytest.fixture
        def board(request):
            return request.config.getoption("board")
        """
    )
    theirs = "def test_theirs(board):\n    assert board == 'of cheese'\n"
    ours = "def test_ours(gateway):\n    assert gateway.devices() == {}\n"

    run(pytester, theirs + ours, "--darvaz-board", "virtual").assert_outcomes(passed=2)


def test_fixtures_and_options_are_listed_with_their_help(pytester: pytest.Pytester) -> None:
    result = run(pytester, "", "--fixtures", "-p", "no:schemathesis")

    result.stdout.fnmatch_lines_random(["board -- *", "async_board -- *", "gateway * -- *", "wiring * -- *"])


def test_real_boards_are_tested_where_virtual_ones_do_not_run(pytester: pytest.Pytester) -> None:
    program = (
        "import sys; sys.modules['darvaz.boards.virtual'] = None; import darvaz.testing, darvaz.pytest_plugin.bench;"
    )
    program += "import darvaz.pytest_plugin.serial_backend, darvaz.pytest_plugin.report"

    assert pytester.run(sys.executable, "-c", program).ret == 0
