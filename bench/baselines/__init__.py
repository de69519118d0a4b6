"""What the gateway is measured beside: servers that do less, or that people would use instead."""
