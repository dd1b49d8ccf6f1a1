"""The control plane: where the security team says who may call what, and sees what happened."""
