"""The program of the endurance tests: prints its heap after every 100 welcomes and every 1,000 commands."""

import gc
import json

with open("settings.json") as file:
    settings = json.load(file)

import board
from darvaz import Device

device = Device(board, settings["config"])
counts = {"welcomes": 0, "commands": 0}


def count(what, every):
    """Counts, and prints the heap after every `every` of them."""
    counts[what] += 1
    if counts[what] % every == 0:
        gc.collect()
        print("HEAP %s %d %d" % (what, counts[what], gc.mem_alloc()))


@device.on_connect
def greet():
    """Counts a welcome."""
    count("welcomes", 100)


@device.command
def step():
    """Counts a command."""
    count("commands", 1000)


device.run()
