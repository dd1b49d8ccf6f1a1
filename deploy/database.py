"""`python -m deploy.database`: the database of an installation, its owner (migrations alone) and its application role.

Runs as the superuser before each migration. Passwords are set each time, so a rotated one holds from then on.
"""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from deploy.names import SECRETS


def prepare(superuser_url: str, owner_url: str, app_url: str) -> None:
    """Make what is missing; running it twice changes nothing."""
    owner, app = _role(owner_url), _role(app_url)
    database = urlsplit(owner_url).path.removeprefix("/")
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for name, password in (owner, app):
            _make_role(connection, name, password)
        if not _there(connection, "SELECT FROM pg_database WHERE datname = %s", database):
            made = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(owner[0]))
            connection.execute(made)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), sql.Identifier(app[0]))
        )
    with psycopg.connect(owner_url, autocommit=True) as connection:
        for rights in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT ON SEQUENCES"):
            connection.execute(
                sql.SQL("ALTER DEFAULT PRIVILEGES GRANT {} TO {}").format(sql.SQL(rights), sql.Identifier(app[0]))
            )


def _make_role(connection: psycopg.Connection, name: str, password: str) -> None:
    verb = "ALTER" if _there(connection, "SELECT FROM pg_roles WHERE rolname = %s", name) else "CREATE"
    rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD"
    hashed = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    connection.execute(  # the server, and its log, see the hash alone
        sql.SQL("{} ROLE {} {} {}").format(sql.SQL(verb), sql.Identifier(name), sql.SQL(rights), sql.Literal(hashed))
    )


def _there(connection: psycopg.Connection, query: str, name: str) -> bool:
    return connection.execute(query, [name]).fetchone() is not None


def _role(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.username or "", parts.password or ""


def _secret(name: str) -> str:
    return (Path(SECRETS) / name).read_text().strip()


def main() -> int:
    """Exit 0, or 3 with one line where the server can't be used."""
    try:
        prepare(_secret("superuser.url"), _secret("owner.url"), _secret("app.url"))
    except psycopg.Error as problem:
        sys.stderr.write(f"the database server can't be used: {str(problem).splitlines()[0]}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
