"""What several tests share: a running system, servers behind it, callers in front of it."""
