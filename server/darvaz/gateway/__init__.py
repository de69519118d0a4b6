"""The gateway: everything that runs in the process of `darvaz serve`."""
