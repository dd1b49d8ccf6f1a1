"""The way of a call: one ordered tuple of stages, one file each; the receipt is written outside of all of them."""
