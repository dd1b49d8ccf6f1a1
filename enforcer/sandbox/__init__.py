"""How a stdio server is launched: what it may see of the disk and the network, and whether the kernel holds it to that.

`bubblewrap` is the only sandbox. Where it can't run, only servers of trust `internal` start, and receipts say `none`.
"""
