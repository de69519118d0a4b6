"""The recording room: what a camera showed as files, made by whoever looks, not by the gateway."""
