"""A local pseudo-terminal that is the prompt of a board elsewhere, for tools that know boards on USB."""
