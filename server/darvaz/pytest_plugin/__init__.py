"""Tests with a board: the pytest plugin `darvaz`, its fixtures `board`, `async_board`, `gateway` and `wiring`."""
