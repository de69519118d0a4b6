"""Several gateways as one, by way of NATS; loaded only where the setting asks for it."""
