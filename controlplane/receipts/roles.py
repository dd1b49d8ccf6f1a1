"""Three roles on PostgreSQL, as SQL: who owns what, and what the running control plane may do.

owner        migrates, and nothing else signs in with it
app          reads and writes rows, as web, publisher, ingest and commands do; to what is append-only it only adds
maintenance  nobody signs in with it; owns the receipts and the function that makes their partitions, which app may call

The owner is a member of maintenance, so that a migration may change the table of receipts. Passwords are set elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from controlplane.receipts.append_only import protected
from controlplane.receipts.partition_function import SIGNATURE

RECEIPTS, DEFAULT = "receipts_receipt", "receipts_receipt_default"
MIGRATIONS = MigrationRecorder.Migration._meta.db_table
ALL, ADD, READ = "SELECT, INSERT, UPDATE, DELETE", "SELECT, INSERT", "SELECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Their names, plain words that need no escaping."""

    owner: str
    app: str
    maintenance: str


def statements(roles: Roles) -> list[str]:
    """What makes the connected database so; only grants are repeated where nothing is missing."""
    return [*_roles(roles), *_places(roles), *_owners(roles), *_rights(roles)]


def too_powerful(app: str, *others: str) -> bool:
    """Whether the role could lift what holds it: it may do everything, make roles, or become one of the others."""
    may = _one("SELECT bool_or(rolsuper OR rolcreaterole) FROM pg_roles WHERE rolname = %s", app)
    return bool(may) or any(_member(app, other) for other in others if _is_role(app) and _is_role(other))


def _roles(roles: Roles) -> Iterator[str]:
    for name, login in ((roles.owner, "LOGIN"), (roles.app, "LOGIN"), (roles.maintenance, "NOLOGIN")):
        if not _is_role(name):
            yield f'CREATE ROLE "{name}" {login}'
    both = _is_role(roles.owner) and _is_role(roles.maintenance)
    if not both or not _member(roles.owner, roles.maintenance):
        yield f'GRANT "{roles.maintenance}" TO "{roles.owner}"'


def _places(roles: Roles) -> Iterator[str]:
    """The database and the schema in it. Before PostgreSQL 15 everybody could create tables there."""
    schema = str(_one("SELECT current_schema()"))
    if _one("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()") != roles.owner:
        yield f'ALTER DATABASE "{_one("SELECT current_database()")}" OWNER TO "{roles.owner}"'
    if _one(
        "SELECT EXISTS (SELECT FROM pg_namespace, aclexplode(nspacl) AS a WHERE nspname = %s"
        " AND a.grantee = 0 AND a.privilege_type = 'CREATE')",
        schema,
    ):
        yield f'REVOKE CREATE ON SCHEMA "{schema}" FROM PUBLIC'
    for name, right in ((roles.owner, "CREATE"), (roles.maintenance, "CREATE"), (roles.app, "USAGE")):
        if not _is_role(name) or not _one("SELECT has_schema_privilege(%s, %s, %s)", name, schema, right):
            yield f'GRANT {"USAGE, " if right == "CREATE" else ""}{right} ON SCHEMA "{schema}" TO "{name}"'


def _owners(roles: Roles) -> Iterator[str]:
    """Before its first use as after an installation that began with one role."""
    kept_by = dict.fromkeys(_tables(), roles.owner) | dict.fromkeys((RECEIPTS, *_partitions()), roles.maintenance)
    for table, owner in kept_by.items():
        there = _one("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass(%s)", table)
        if there not in (None, owner):
            yield f'ALTER TABLE "{table}" OWNER TO "{owner}"'
    for function, owner in ((SIGNATURE, roles.maintenance), ("receipts_append_only()", roles.owner)):
        there = _one("SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE oid = to_regprocedure(%s)", function)
        if there not in (None, owner):
            yield f'ALTER FUNCTION {function} OWNER TO "{owner}"'


def _rights(roles: Roles) -> Iterator[str]:
    """Partitions are reached through the table; of the default one the rows are counted."""
    kept = {table.name for table in protected()}
    for table in _tables():
        may = READ if table == MIGRATIONS else ADD if table in kept else ALL
        yield f'REVOKE ALL ON "{table}" FROM "{roles.app}"'
        yield f'GRANT {may} ON "{table}" TO "{roles.app}"'
    for partition in _partitions():
        yield f'REVOKE ALL ON "{partition}" FROM "{roles.app}"'
        if partition == DEFAULT:
            yield f'GRANT {READ} ON "{partition}" TO "{roles.app}"'
    if _one("SELECT to_regprocedure(%s) IS NOT NULL", SIGNATURE):
        yield f'GRANT EXECUTE ON FUNCTION {SIGNATURE} TO "{roles.app}"'


def _tables() -> list[str]:
    """Of the control plane, as far as they exist."""
    caches = [str(c["LOCATION"]) for c in settings.CACHES.values() if str(c["BACKEND"]).endswith("DatabaseCache")]
    wanted = {*connection.introspection.django_table_names(), *caches, MIGRATIONS}
    return sorted(wanted & set(connection.introspection.table_names()))


def _partitions() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relid::text FROM pg_partition_tree(to_regclass(%s)) WHERE isleaf AND level > 0 ORDER BY 1",
            [RECEIPTS],
        )
        return [str(name) for (name,) in cursor.fetchall()]


def _is_role(name: str) -> bool:
    return bool(_one("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", name))


def _member(name: str, of: str) -> bool:
    return bool(_one("SELECT pg_has_role(%s, %s, 'MEMBER')", name, of))


def _one(query: str, *values: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        found: tuple[object, ...] | None = cursor.fetchone()
    return found[0] if found else None
