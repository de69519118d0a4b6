"""Starts a board's program as the board does: the folder given is all of its flash."""

import os
import sys

import vfs

vfs.umount("/")
vfs.mount(vfs.VfsPosix(sys.argv[1]), "/")
os.chdir("/")
sys.path[:] = ["", ".frozen", "/lib"]
__import__("main")
