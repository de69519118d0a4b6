"""The key of the owner of boards: made once, kept in a file, and what signs a release that they check themselves."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from darvaz.gateway.releases.manifest import ReleaseError, make_files, owner_text
from darvaz.text.extras import how_to_install
from darvaz.text.terminal import visible

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def make_owner_key(path: Path) -> str:
    """Makes a key in a new file that its owner alone may read, and returns the public half in hexadecimal digits."""
    _need_cryptography()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
    except FileExistsError:
        raise click.ClickException(f"{path} is there already: boards may know it; choose another name") from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None
    return _public(key)


def public_key_of(path: Path) -> str:
    """Returns the public half of the key in a file, in hexadecimal digits."""
    return _public(_read(path))


def sign_release(path: Path, contents: dict[str, bytes]) -> dict[str, Any]:
    """Returns the fields of a rollout that say that the owner of the key wants these files to run."""
    key = _read(path)
    signed_s = int(time.time())
    try:
        text = owner_text(make_files(contents), signed_s)
    except ReleaseError as error:
        raise click.ClickException(visible(str(error))) from None
    return {"signature": key.sign(text).hex(), "signed_s": signed_s}


def _read(path: Path) -> Ed25519PrivateKey:
    _need_cryptography()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise click.ClickException(f"{path} has no key of an owner; make one: darvaz releases key FILE")
    return key


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _need_cryptography() -> None:
    try:
        import cryptography  # noqa: F401 (only whether it is there)
    except ImportError:
        raise click.ClickException(f"cryptography is not installed: {how_to_install('flash')}") from None
