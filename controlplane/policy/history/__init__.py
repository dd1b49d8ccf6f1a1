"""Reading published versions: what is in one, who signed it, and what changed from one to the next."""
