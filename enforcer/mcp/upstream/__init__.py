"""Upstreams: the MCP servers behind the enforcer, reached over HTTP or stdio.

They transport and decide nothing: what goes in has been checked and re-serialised, what comes out is strictly parsed
and still untrusted. Nothing is ever sent twice.
"""
