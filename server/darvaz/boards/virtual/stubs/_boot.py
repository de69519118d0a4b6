"""Starts a virtual board: its hardware, its file system, then boot.py and main.py, as the ports do."""

import gc
import os
import sys

import _host
import vfs

# The console waits for it before it passes on a host's bytes; it is not shown.
READY = "\x1b[darvaz-ready]"

_LOADED = __file__[: __file__.rfind("/")] + "/loaded"
BLOCK_BYTES = 4096
BLOCKS = 212


class FlashDevice:
    """A block device in a file; it can lose its power in the middle of a write."""

    def __init__(self, file):
        self._file = file

    def readblocks(self, block, data, offset=0):
        """Reads from a block."""
        self._file.seek(block * BLOCK_BYTES + offset)
        self._file.readinto(data)

    def writeblocks(self, block, data, offset=None):
        """Writes to a block; without an offset it is erased first."""
        is_cut = _host.ask("count_block_write")["is_cut"]
        self._file.seek(block * BLOCK_BYTES + (offset or 0))
        # A torn write: only the first half is written.
        self._file.write(data[: len(data) // 2] if is_cut else data)
        self._file.flush()
        if is_cut:
            _host.ask("cut")

    def ioctl(self, op, argument):
        """Answers a file system as in vfs.AbstractBlockDev.ioctl: 4 and 5 are number and size of blocks."""
        if op == 4:
            return BLOCKS
        if op == 5:
            return BLOCK_BYTES
        return 0


class Root:
    """A file system that also has the modules which are loaded when they are used, where nobody lists them."""

    def __init__(self, inner):
        self._inner = inner
        self._host = vfs.VfsPosix()

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def mount(self, is_readonly, makes):
        """Is called by vfs.mount."""
        self._inner.mount(is_readonly, makes)

    def stat(self, path):
        """Returns what is known about a file."""
        return self._of(path).stat(self._path(path))

    def open(self, path, mode="r", *more):
        """Opens a file."""
        return self._of(path).open(self._path(path), mode, *more)

    def _of(self, path):
        return self._host if path.startswith(_host.FOLDER) else self._inner

    def _path(self, path):
        return _LOADED + path[len(_host.FOLDER) :] if path.startswith(_host.FOLDER) else path


class VfsLfs2(Root):
    """The littlefs of a board; `darvaz` knows it by the name of the class."""


class VfsPosix(Root):
    """A folder of the host as a file system.

    MicroPython's own, with a root, renames a file to itself: both paths are made in one buffer.
    """

    def __init__(self, folder):
        super().__init__(vfs.VfsPosix(folder))
        self._folder = folder

    def rename(self, old, new):
        """Renames a file or folder."""
        self._host.rename(self._folder + old, self._folder + new)


def mount():
    """Makes the board's own file system the root."""
    folder = os.getenv("DARVAZ_VIRTUAL_FLASH")
    image = os.getenv("DARVAZ_VIRTUAL_IMAGE")
    root = VfsPosix(folder)
    if image:
        flash = FlashDevice(vfs.VfsPosix("/").open(image, "r+b"))
        try:
            root = VfsLfs2(vfs.VfsLfs2(flash))
        except OSError:
            vfs.VfsLfs2.mkfs(flash)
            root = VfsLfs2(vfs.VfsLfs2(flash))
    vfs.umount("/")
    vfs.mount(root, "/")
    os.chdir("/")
    # The last one: a board's own file of the same name is used.
    sys.path[:] = ["", ".frozen", "/lib", _host.FOLDER]


def run(name, scope):
    """Runs a file of the board if it exists; returns False if Ctrl-C ended it."""
    try:
        with open(name) as file:
            program = file.read()
    except OSError:
        return True
    try:
        code = compile(program, name, "exec")
        del program
        exec(code, scope)
    except KeyboardInterrupt as error:
        sys.print_exception(error)
        return False
    except SystemExit:
        _host.ask("reset", is_soft=True)
    except Exception as error:  # noqa: BLE001 (as the ports do)
        sys.print_exception(error)
    return True


def start(scope):
    """Starts the board; the interpreter then shows its prompt."""
    for name in ("machine", "network", "socket", "_interrupts"):
        __import__(name)
    setup = _host.SETUP
    if setup["has_camera"]:
        __import__("camera")
    mount()
    gc.collect()
    sys.stdout.write(READY)
    if run("boot.py", scope) and not setup["is_raw"]:
        run("main.py", scope)
