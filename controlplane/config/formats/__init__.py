"""How moments are written: one way everywhere, and without a doubt about day and month."""
