"""`darvaz.boards.serial.kept_images` with a release on this machine, whose address is in DARVAZ_TEST_RELEASE."""

from __future__ import annotations

import hashlib
import os

from darvaz.boards.serial import downloads, kept_images
from darvaz.boards.serial.downloads import Release
from tests.support.board_images import uf2

if __name__ == "__main__":
    downloads.RELEASES["pico_w"] = Release(os.environ["DARVAZ_TEST_RELEASE"], hashlib.sha256(uf2()).hexdigest())
    downloads.RELEASES["pico_2_w"] = Release(os.environ["DARVAZ_TEST_RELEASE"])
    kept_images.main()
