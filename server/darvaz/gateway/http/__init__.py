"""What every HTTP connection and response has in common: server protocol, timeouts, headers, problems, callers."""
