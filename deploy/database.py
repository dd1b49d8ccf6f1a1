"""`python -m deploy.database`: the database of an installation and its roles, as far as only a superuser can make them.

Runs before each migration. Passwords are set each time, so a rotated one holds from then on. What each role may do,
`manage.py database_roles --apply` says after the migration, as the owner.
"""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from deploy.names import MAINTENANCE, SECRETS


def prepare(superuser_url: str, owner_url: str, app_url: str) -> None:
    """Make what is missing; running it twice changes nothing."""
    owner, app = _role(owner_url), _role(app_url)
    name_of_it = urlsplit(owner_url).path.removeprefix("/")
    database, keeper = sql.Identifier(name_of_it), sql.Identifier(MAINTENANCE)
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for name, password in (owner, app):
            _make_role(connection, name, password)
        if not _there(connection, "SELECT FROM pg_roles WHERE rolname = %s", MAINTENANCE):
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(keeper))
        connection.execute(sql.SQL("GRANT {} TO {}").format(keeper, sql.Identifier(owner[0])))
        if not _there(connection, "SELECT FROM pg_database WHERE datname = %s", name_of_it):
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, sql.Identifier(owner[0])))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(app[0])))


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
