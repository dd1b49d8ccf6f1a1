"""The enforcer looks at the tools of its servers itself: lists them, compares, reports what it saw."""
