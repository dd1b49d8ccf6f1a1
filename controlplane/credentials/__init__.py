"""Where the credentials of servers are kept: vault backends and references into them, never a secret itself."""
