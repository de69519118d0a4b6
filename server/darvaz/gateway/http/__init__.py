"""The shells around the gateway's core: they accept, feed, write and translate; they decide nothing."""
