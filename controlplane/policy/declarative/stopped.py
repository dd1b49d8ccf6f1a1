"""Which tools raised kill switches stop, looked up instead of trying every switch on every tool."""

from collections.abc import Iterable

from controlplane.inventory.specs import ToolSpec
from enforcer.contract.targets import Target, parse_target
from enforcer.policy.globs import matches


class Killed:
    """The switches of one policy, as far as they stop tools; those of principals and sessions stop callers."""

    def __init__(self, targets: Iterable[str]) -> None:
        parsed = [target for text in targets if isinstance(target := parse_target(text), Target)]
        self._everything = any(target.kind == "all" for target in parsed)
        self._servers = {target.name for target in parsed if target.kind in ("server", "credential")}
        self._risks = {target.name for target in parsed if target.kind == "risk"}
        self._levels = {target.name for target in parsed if target.kind == "trust"}
        self._tools: dict[str, list[str]] = {}
        for target in parsed:
            if target.kind == "tool":
                self._tools.setdefault(target.server, []).append(target.name)

    def stops(self, tool: ToolSpec, level: str) -> bool:
        """Whether a call of the tool is refused, on a server of that trust level."""
        if self._everything or tool.server_id in self._servers or tool.risk in self._risks or level in self._levels:
            return True
        return any(matches(glob, tool.name) for glob in self._tools.get(tool.server_id, ()))
