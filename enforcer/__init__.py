"""The enforcer: decides every MCP call from a signed policy and leaves a receipt of each. No Django below this line."""
