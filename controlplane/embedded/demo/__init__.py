"""`make demo`: the whole system on this machine, on real parts, telling what it does as it does it."""
