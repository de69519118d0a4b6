"""The prompt from afar: runs an operator's code on a connected board, for one user at a time."""
