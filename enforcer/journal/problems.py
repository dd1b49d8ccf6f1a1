"""What can go wrong with a journal.

JournalUnavailable   it can't be written now: refuse with DENY_AUDIT_UNAVAILABLE
DamagedError         the file can't be trusted: it is moved aside and the loss declared
"""


class JournalUnavailable(Exception):  # noqa: N818 - reads as the refusal it leads to
    """Nothing was promised durable; the call must not go on."""


class DamagedError(Exception):
    """The file isn't a whole journal."""
