"""`enforcer run --workers N`: one process that speaks with the control plane, and N that serve calls.

`parent` is the process that was started: it holds the policy link, starts the workers and starts them anew. `child` is
a worker: the whole gate with its own journal and chain, told of policy by the parent.
"""
