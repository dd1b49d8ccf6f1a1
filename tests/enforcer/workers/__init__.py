"""Of `enforcer run --workers N`."""
