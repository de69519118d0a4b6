"""A maker's project: a folder with a program for boards, which one keeps in git.

`folder` says which of its files belong on a board, `new` writes such a folder.
"""

from darvaz.boards.program.folder import Program, ProgramError, find_program, program_files, read_program

__all__ = ["Program", "ProgramError", "find_program", "program_files", "read_program"]
