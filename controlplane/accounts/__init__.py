"""The people of the control plane: users, roles, sign-in, and tokens for programs that use the API."""
