"""What is wired to a virtual board, as tests give it: parts on its buses, levels and pulses at its pins."""

from darvaz.boards.parts.failures import PartError, PartFailure
from darvaz.boards.parts.one_wire import onewire_rom
from darvaz.boards.parts.registers import Registers

__all__ = ["PartError", "PartFailure", "Registers", "onewire_rom"]
