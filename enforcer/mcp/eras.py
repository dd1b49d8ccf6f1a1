"""Protocol revisions: the handshake era (`legacy`) and the era in which every request is whole (`modern`).

The era is decided once, from header and body together, and disagreement is refused (MCP_WIRE section 1).
"""

from typing import Literal

Era = Literal["modern", "legacy"]

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN_VERSIONS = ("2026-07-28",)
LATEST_HANDSHAKE = HANDSHAKE_VERSIONS[-1]
LATEST_MODERN = MODERN_VERSIONS[-1]
WITHOUT_VERSION_HEADER = ("2024-11-05", "2025-03-26")  # revisions that did not have the header yet

VERSION_HEADER = "mcp-protocol-version"
META_VERSION = "io.modelcontextprotocol/protocolVersion"
META_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
META_CLIENT = "io.modelcontextprotocol/clientInfo"
META_SERVER = "io.modelcontextprotocol/serverInfo"
META_LOG_LEVEL = "io.modelcontextprotocol/logLevel"
