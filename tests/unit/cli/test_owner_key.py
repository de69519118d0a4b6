"""The key of an owner is made once, in a file of its own, and signs what boards check."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click import ClickException
from click.testing import CliRunner

from darvaz.cli import cli
from darvaz.cli.owner_key import public_key_of, sign_release
from darvaz.gateway.releases.manifest import make_files, owner_text
from firmware.lib.darvaz import ed25519

pytest.importorskip("cryptography")
FILES = {"main.py": b"print(1)\n", "lib/colours.mpy": b"M\x06"}


def test_a_key_signs_a_release_so_that_a_board_can_verify_it(tmp_path: Path) -> None:
    file = tmp_path / "owner.pem"
    done = CliRunner().invoke(cli, ["releases", "key", str(file), "--json"])
    signed = sign_release(file, FILES)

    public = json.loads(done.stdout)["public"]
    text = owner_text(make_files(FILES), signed["signed_s"])
    assert public == public_key_of(file)
    assert ed25519.verify(bytes.fromhex(public), text, bytes.fromhex(signed["signature"]))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "owner.pem"
    file.write_text("boards know this one")

    done = CliRunner().invoke(cli, ["releases", "key", str(file)])

    assert done.exit_code == 1 and "is there already" in done.output
    assert file.read_text() == "boards know this one"
    with pytest.raises(ClickException, match="has no key of an owner"):
        sign_release(file, FILES)
