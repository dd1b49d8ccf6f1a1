"""What an operator sees of a running enforcer: logs, spans, readiness and the state behind `/metrics`."""
