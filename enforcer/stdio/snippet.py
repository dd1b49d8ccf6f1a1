"""What a client's configuration wants to hear."""

import json
import sys
from pathlib import Path

from enforcer.config import Config


def snippet(config: Config, *, server: str | None, token_file: Path | None) -> str:
    """JSON of the usual form, with whole paths."""
    server_id = config.server_named(server)
    args = ["stdio", str(config.path.absolute())]
    args += ["--server", server_id] if len(config.server_ids) > 1 else []
    args += ["--token-file", str(token_file.absolute())] if token_file else []
    program = Path(sys.argv[0])
    command = str(program.absolute()) if program.exists() else "enforcer"
    return json.dumps({"mcpServers": {server_id: {"command": command, "args": args}}}, indent=2)
