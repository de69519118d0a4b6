"""`darvaz firmware`: installs MicroPython itself, the right image for the board."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from darvaz.boards.serial.esp_flasher import BAUD, require_esptool
from darvaz.boards.serial.images import check_image
from darvaz.boards.serial.install import (
    BACK_S,
    DRIVE_S,
    KINDS,
    InstallTarget,
    check_file,
    check_port,
    find_target,
    identify_after,
    install,
    load_image,
)
from darvaz.boards.serial.kept_images import CHIPS, keep_image
from darvaz.boards.serial.kept_images import load_image as load_image_for
from darvaz.cli.boards import explained, port_option
from darvaz.cli.data_folder import data_option
from darvaz.cli.verb_options import json_option
from darvaz.text.terminal import visible, visible_json


@click.command()
@click.argument("kind", type=click.Choice(KINDS), required=False)
@port_option
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The image: .uf2, .bin or .zip."
)
@click.option("--url", metavar="URL", help="Download the image from here instead.")
@click.option(
    "--drive",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where a Pico's drive is mounted [default: it is looked for].",
)
@click.option("--erase", is_flag=True, help="ESP32-CAM: erase all of its flash first, files and settings included.")
@click.option("--baud", type=click.IntRange(9600, 2_000_000), default=BAUD, show_default=True, help="ESP32-CAM: speed.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0, 3600),
    default=DRIVE_S,
    show_default=True,
    help="Seconds to wait for a Pico's drive, and for the board to come back.",
)
@click.option("--dry-run", is_flag=True, help="Find the board, get and check the image, and write nothing.")
@click.option(
    "--for-browser",
    "board",
    type=click.Choice(list(CHIPS)),
    help="Write to no board: keep the image at the gateway, for people who flash from the browser.",
)
@data_option
@json_option
def firmware(
    kind: str | None,
    port: str,
    file: Path | None,
    url: str | None,
    drive: Path | None,
    erase: bool,
    baud: int,
    wait_s: float,
    dry_run: bool,
    board: str | None,
    data: Path,
    as_json: bool,
) -> None:
    """Install MicroPython on a board: a Pico W, a Pico 2 W, or an ESP32-CAM (with the camera driver).

    A Pico with MicroPython restarts into its bootloader; a new one, plug in with BOOTSEL held. An ESP32-CAM is
    written to by esptool, which `make firmware` installs. The image is downloaded unless --file gives it, its checksum
    is shown, and one for another board is refused. The files on a board stay, but for --erase. Exit status: 0 when
    it is installed, else 1.
    """
    if board is not None:
        _keep(board, data.expanduser(), file, url, as_json)
        return
    with explained():
        target = find_target(kind, port, drive, _show_step, wait_s)
        if erase and target.kind != "esp32cam":
            raise click.UsageError(
                "--erase is for an ESP32-CAM; for a Pico there is flash_nuke.uf2 to copy onto its drive"
            )
        if target.kind == "esp32cam":
            require_esptool()
            assert target.port is not None
            check_port(target.port)
        click.echo(f"Board: {target.chip} at {target}", err=as_json)
        image = load_image(target, file, url, _show_step, _progress)
        check_image(image, target.chip)
        if target.kind == "esp32cam":
            check_file(image)
        if dry_run:
            click.echo(f"A dry run: nothing was written. {visible(image.name)} is right for this board.", err=as_json)
        if as_json and dry_run:
            _show_json(target, image.name, None, is_installed=False)
        if dry_run:
            return
        install(target, image, _show_step, progress=_progress, baud=baud, erases=erase)
        known = identify_after(target, min(wait_s, BACK_S))
        if as_json:
            _show_json(target, image.name, known, is_installed=True)
        else:
            _show_result(target, known)


def _keep(board: str, data: Path, file: Path | None, url: str | None, as_json: bool) -> None:
    """Keeps an image in the data folder of the gateway."""
    if not data.is_dir():
        raise click.ClickException(f"there is no data folder {data}: name the one of the gateway with --data")
    with explained():
        image, is_checked = load_image_for(board, file, url, _progress)
        path = keep_image(data, board, image)
    origin = "as published" if is_checked else "not known beforehand: compare it"
    _show_step(f"{image}; SHA-256 {image.sha256} ({origin})")
    if as_json:
        about = {"board": board, "image": image.name, "sha256": image.sha256, "file": str(path)}
        click.echo(visible_json(about))
    else:
        click.echo(f"The gateway with its data in {data} has it now: choose the board on its page Add a board.")


def _show_step(sentence: str) -> None:
    click.echo(visible(sentence), err=True)


def _show_json(target: InstallTarget, image: str, known: object, *, is_installed: bool) -> None:
    about = {"chip": str(target.chip), "image": image, "installed": is_installed}
    click.echo(visible_json({**about, "board": None if known is None else str(known)}))


def _show_result(target: InstallTarget, known: object) -> None:
    if known is not None:
        click.echo(f"Installed: {visible(str(known))}.")
    elif target.kind == "pico":
        click.echo("Installed. The board has not shown its port yet: unplug it, plug it in, then `darvaz ls`.")
    else:
        click.echo("Installed. The board gives no prompt yet: take IO0 off GND, press RST, then `darvaz ls`.")


def _progress(done_bytes: int, all_bytes: int) -> None:
    """Shows the progress on one line, on a terminal only."""
    if sys.stderr.isatty() and all_bytes:
        percent = done_bytes * 100 // all_bytes
        click.echo(f"\r{percent:3d} % of {all_bytes:,} bytes", nl=done_bytes >= all_bytes, err=True)
