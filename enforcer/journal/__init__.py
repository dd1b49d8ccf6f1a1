"""The enforcer's durable local log: one call, one receipt, one link (CONTRACTS section 4).

Nothing is answered before it is synced; what can't be written is refused, never dropped.
"""

from enforcer.journal.journal import Journal
from enforcer.journal.problems import JournalUnavailable
from enforcer.journal.store import Recorded

__all__ = ["Journal", "JournalUnavailable", "Recorded"]
