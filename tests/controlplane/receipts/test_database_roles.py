"""The three roles, each signing in as itself to a database of its own."""

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.models import Q
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from controlplane.common.actor import host_operator
from controlplane.receipts import archiving
from controlplane.receipts.checks import role_can_not_change_receipts, triggers_exist
from controlplane.receipts.exporting import verify_stored
from controlplane.receipts.models import Archive, Receipt
from controlplane.receipts.partitions import default_partition_rows, maintain
from controlplane.receipts.services import ingest_batch, record_admin_receipt
from tests.controlplane.policy_file.samples import GOOD
from tests.controlplane.receipts import months
from tests.controlplane.receipts.databases import ROOT, Database, session, signed_in, url
from tests.controlplane.receipts.installed import Installed
from tests.controlplane.receipts.months import month, partition
from tests.controlplane.receipts.sending import Sender
from tests.controlplane.valkeys import Valkey
from tests.support.postgres import client
from tests.support.processes import Program

pytestmark = [pytest.mark.django_db, pytest.mark.system]
TABLE, DEFAULT, HISTORY = "receipts_receipt", "receipts_receipt_default", "grants_historicalgrant"
PARTITION = partition(0)
REFUSED = [
    *(f"UPDATE {table} SET chain_id = ''" for table in (TABLE, PARTITION, DEFAULT, "receipts_receiptindex")),
    *(f"DELETE FROM {table}" for table in (TABLE, PARTITION, DEFAULT, "receipts_conflict", HISTORY)),
    *(f"TRUNCATE {table}" for table in (TABLE, PARTITION, DEFAULT, "receipts_receiptindex", HISTORY, "grants_grant")),
    f"UPDATE {HISTORY} SET reason = ''",
    f"INSERT INTO {PARTITION} SELECT * FROM {TABLE}",
    "UPDATE django_migrations SET name = ''",
    "SET session_replication_role = replica",
    "SET ROLE {owner}",
    "SET ROLE {maintenance}",
    "SET SESSION AUTHORIZATION {owner}",
    f"ALTER TABLE {TABLE} DISABLE TRIGGER ALL",
    f"ALTER TABLE {PARTITION} DISABLE TRIGGER {TABLE}_keep_truncate",
    f"DROP TRIGGER {TABLE}_keep_update ON {TABLE}",
    f"DROP TABLE {TABLE}",
    f"DROP TABLE {PARTITION}",
    f"ALTER TABLE {TABLE} DETACH PARTITION {PARTITION}",
    f"ALTER TABLE {TABLE} OWNER TO {{app}}",
    f"CREATE TABLE {TABLE}_1999_01 PARTITION OF {TABLE} FOR VALUES FROM ('1999-01') TO ('1999-02')",
    f"CREATE RULE nothing AS ON INSERT TO {TABLE} DO INSTEAD NOTHING",
    "CREATE TABLE mine (i integer)",
    "CREATE OR REPLACE FUNCTION receipts_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "DROP FUNCTION receipts_make_partition(integer)",
]


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Installed]:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    made = Installed(tmp_path_factory.mktemp("roles"))
    with django_db_blocker.unblock():
        made.give_roles()
        made.migrate(made.roles.owner)
        made.give_roles(made.roles.owner)
    yield made
    made.drop()


@pytest.mark.parametrize("statement", REFUSED)
def test_the_running_control_plane_may_not(installed: Installed, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        installed.database.execute(statement.format(**installed.names), installed.roles.app)


def test_it_takes_receipts_in_keeps_its_own_and_verifies_them(installed: Installed) -> None:
    with signed_in(installed.database.name, installed.roles.app):
        gate = Sender("gate").enrol()
        lines = [gate.receipt(), gate.receipt(event_time=f"{month(0)}-01T00:00:00.000Z")]
        for _ in range(2):
            ingest_batch(gate.batch(lines))
        record_admin_receipt(actor="os:root@host", action="enrolled", detail={})
        assert Receipt.objects.count() == 3
        assert default_partition_rows() == 1
        assert verify_stored().problems == []


def test_an_old_month_is_dropped_by_the_owner_and_not_by_the_application(installed: Installed) -> None:
    which = Q(event_time__startswith=month(-1))
    for role in (installed.roles.app, installed.roles.owner):
        with signed_in(installed.database.name, role):
            made = Archive(month=month(-1), file="x", sha256="0" * 64, size_bytes=0, receipts=0, made_at=timezone.now())
            refused = (
                pytest.raises(DatabaseError, match="permission denied")
                if role == installed.roles.app
                else nullcontext()
            )
            with refused:
                archiving._drop(made=made, written=archiving._Written("", 0), which=which, actor=host_operator())
    assert not installed.database.rows(f"SELECT FROM pg_tables WHERE tablename = '{partition(-1)}'")
    with signed_in(installed.database.name, installed.roles.app):
        maintain()


def test_it_has_a_missing_month_made_and_may_not_change_that_one_either(installed: Installed) -> None:
    for table in (partition(2), partition(3)):
        installed.database.execute(f"DROP TABLE {table}")
    with signed_in(installed.database.name, installed.roles.app):
        maintain()
        assert triggers_exist(databases=["default"]) == []
    for table in (partition(2), partition(3)):
        assert installed.owner_of(table) == installed.roles.maintenance
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            installed.database.execute(f"TRUNCATE {table}", installed.roles.app)


def test_the_check_warns_of_every_role_but_the_one_that_is_meant(installed: Installed) -> None:
    for role, warned in ((installed.roles.app, 0), (installed.roles.owner, 1), (None, 1)):
        with signed_in(installed.database.name, role):
            found = [message.id for message in role_can_not_change_receipts(databases=["default"])]
            assert found == ["receipts.W001"] * warned


def test_policy_is_applied_published_and_switched_off_by_processes_of_the_application_role(
    installed: Installed, valkey: Valkey, broker: Valkey
) -> None:
    app, database = installed.roles.app, installed.database
    redis = {"REDIS_URL": valkey.url, "RECEIPTS_BROKER_URL": broker.url}
    database.more_env |= redis
    policy = database.home / "policy.yaml"
    policy.write_text(GOOD)
    publisher = Program(
        [sys.executable, ROOT / "manage.py", "publisher"], log=database.home / "log", env=database.env(app)
    )
    try:
        assert "+ grant" in database.manage("apply", str(policy), role=app)
        assert database.manage("issue_token", "alice", role=app).count(".") == 2
        assert database.manage("kill", "raise", "server:files", "--reason", "drill", role=app)
        assert "chain verified" in database.manage("receipts", "verify", role=app)
        assert publisher.stop() == 0
    finally:
        publisher.stop()
    assert "ERROR" not in publisher.output
    assert "database:" not in publisher.output


def test_migrations_go_on_as_the_owner(installed: Installed) -> None:
    owner = installed.roles.owner
    installed.migrate(owner)
    change = "ALTER TABLE receipts_receipt ADD COLUMN note text; CREATE INDEX later ON receipts_receipt (note)"
    installed.database.execute(f"BEGIN; {change}; ROLLBACK", owner)


def test_a_second_time_only_the_grants_are_repeated_and_no_password_is_spoken_of(installed: Installed) -> None:
    said = installed.give_roles(installed.roles.owner, apply=False)
    assert {line.split()[0] for line in said.splitlines()} == {"BEGIN;", "REVOKE", "GRANT", "COMMIT;"}
    assert "PASSWORD" not in said.upper()
    with session(installed.database.name, installed.roles.owner) as owner:
        owner.execute(said)  # type: ignore[arg-type]


def test_a_dump_restored_by_the_owner_into_a_database_with_roles_is_whole_and_protected(
    installed: Installed, tmp_path: Path
) -> None:
    database, roles, dump = installed.database, installed.roles, tmp_path / "dump"
    with signed_in(database.name, roles.app):
        record_admin_receipt(actor="os:root@host", action="dumped", detail={})
        before = months.lines()
    restored = Database(tmp_path)
    try:
        options = [f"--file={dump}", "--format=custom"]
        subprocess.run([client("pg_dump"), *options, url(database.name, roles.owner)], check=True)
        installed.give_roles(to=restored.name)
        into = f"--dbname={url(restored.name, roles.owner)}"
        subprocess.run([client("pg_restore"), "--exit-on-error", into, dump], check=True)
        with signed_in(restored.name, roles.app):
            assert months.lines() == before
            assert verify_stored().problems == []
            assert triggers_exist(databases=["default"]) == []
        for table in months.partitions():
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                restored.execute(f"TRUNCATE {table}", roles.app)
            with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
                restored.execute(f"TRUNCATE {table}")
    finally:
        restored.drop()


def test_an_installation_that_began_with_one_role_is_handed_over(tmp_path: Path) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    made = Installed(tmp_path)
    try:
        made.migrate(None)
        said = made.give_roles(apply=False)
        made.database.execute(said)
        made.migrate(made.roles.owner)
        made.give_roles(made.roles.owner)
        assert {made.owner_of(table) for table in (TABLE, PARTITION, DEFAULT)} == {made.roles.maintenance}
        assert made.owner_of("grants_grant") == made.owner_of("django_migrations") == made.roles.owner
        with pytest.raises(SystemExit, match="2"):
            made.give_roles(made.roles.app)
    finally:
        made.drop()


def run(*args: str) -> tuple[int, str]:
    err = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("database_roles", *args, stderr=err)
    return int(ended.value.code or 0), err.getvalue()


def test_names_that_can_not_be_meant_are_wrong_use() -> None:
    if connection.vendor != "postgresql":
        assert run() == (2, "environment:1: DATABASE_URL: is not PostgreSQL, and other databases have no roles here\n")
        return
    for args in (
        ["--app", 'x"; DROP'],
        ["--app", "same", "--owner", "same"],
        ["--app", connection.settings_dict["USER"]],
    ):
        code, said = run(*args)
        assert (code, said.startswith("command line:1: --app: ")) == (2, True), said
