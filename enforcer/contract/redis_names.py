"""Names in Redis (CONTRACTS section 2)."""

PREFIX = "drawbridge:"
KEYS = PREFIX + "keys"
INGEST_TASK = "controlplane.receipts.tasks.ingest"


def snapshot(server_id: str) -> str:
    """Newest snapshot envelope of a server."""
    return f"{PREFIX}snapshot:{server_id}"


def incident(server_id: str) -> str:
    """Newest incident envelope of a server."""
    return f"{PREFIX}incident:{server_id}"


def lease(server_id: str) -> str:
    """Newest lease envelope of a server."""
    return f"{PREFIX}lease:{server_id}"


def ack(enforcer_id: str) -> str:
    """Ack envelope for an enforcer."""
    return f"{PREFIX}ack:{enforcer_id}"


def heartbeat(enforcer_id: str) -> str:
    """Heartbeat envelope of an enforcer; expires in 10 s."""
    return f"{PREFIX}heartbeat:{enforcer_id}"


def rate(server_id: str, bucket: str) -> str:
    """How often calls of one bucket passed in its window, over all enforcers of a server; expires with the window."""
    return f"{PREFIX}rate:{server_id}:{bucket}"


def changed(server_id: str) -> str:
    """Channel to enforcers: a hint that a document of the server changed."""
    return f"{PREFIX}changed:{server_id}"


def applied(enforcer_id: str) -> str:
    """Channel from an enforcer: a hint that its heartbeat changed."""
    return f"{PREFIX}applied:{enforcer_id}"


def receipts_queue(enforcer_id: str) -> str:
    """Celery queue on the receipts instance."""
    return f"receipts.{enforcer_id}"
