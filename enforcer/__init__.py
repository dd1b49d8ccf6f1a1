"""The enforcer: decides every MCP call from a signed policy and leaves a receipt of each. No Django below this line.

`from enforcer import Gate` is the gate as a library (docs/how-to/embed.md). It is loaded when it is asked for: who
needs the contract alone loads no event loop and no journal.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from enforcer.embed import CallRefused, CallStopped, Decision, Gate, ToolList

__all__ = ["CallRefused", "CallStopped", "Decision", "Gate", "ToolList"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from enforcer import embed  # noqa: PLC0415

    return getattr(embed, name)
