"""The decision, pure: the same functions answer in the enforcer, in `tools/list` and in the control plane's pages."""
