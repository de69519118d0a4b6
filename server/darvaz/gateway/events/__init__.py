"""Events: publish and subscribe, and a bounded queue for each client of the event stream."""
