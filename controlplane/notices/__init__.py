"""What is wrong with Drawbridge itself, found by a process of its own and told by e-mail and signed webhook."""
