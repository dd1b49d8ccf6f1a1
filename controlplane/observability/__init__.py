"""What an operator sees of the control plane: metrics, readiness, logs and traces."""
