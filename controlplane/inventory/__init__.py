"""Trust levels, servers and their tools."""
