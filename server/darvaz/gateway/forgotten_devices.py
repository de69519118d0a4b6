"""What is deleted with a device that is forgotten, here or at another gateway of a cluster."""

from __future__ import annotations

from darvaz.gateway.parts import Parts


def delete_device(parts: Parts, device: str) -> None:
    """Closes the link of a device, revokes its tokens, deletes its history, crashes, keys and kept frames.

    The deletion goes on in the background; the journal keeps its entries.
    """
    parts.access.tokens.revoke_of(device)
    parts.hub.forget(device)
    parts.telemetry.forget(device)
    parts.crashes.forget(device)
    parts.updater.store.forget(device)
    parts.motion.forget(device)
    parts.pictures.forget(device)
    if parts.frame_ring is not None:
        parts.frame_ring.forget(device)
    parts.metrics.forget(device)
    parts.bus.publish_forgotten(device)
