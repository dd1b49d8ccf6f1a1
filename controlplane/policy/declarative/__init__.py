"""The policy file (CONTRACTS section 5): read, checked whole, compared, applied in one transaction."""
