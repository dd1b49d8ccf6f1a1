"""The gate as a library, for a server that decides inside of its own process (docs/how-to/embed.md)."""

from enforcer.embed.answers import CallRefused, CallStopped, Decision, ToolList
from enforcer.embed.gate import Gate

__all__ = ["CallRefused", "CallStopped", "Decision", "Gate", "ToolList"]
