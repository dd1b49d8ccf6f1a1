"""Who calls: principals, groups and identity providers."""
