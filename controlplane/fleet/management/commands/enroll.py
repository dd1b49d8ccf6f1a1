"""`manage.py enroll ENFORCER_ID --server ID …`: makes an enforcer's secrets on its own host and prints its TOML."""

import argparse
import secrets
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from controlplane.common.actor import host_operator
from controlplane.common.commands import DONE, UsageError
from controlplane.common.commands import Command as BaseCommand
from controlplane.common.errors import StackUnreachable
from controlplane.config.environment import stored
from controlplane.fleet import services
from controlplane.fleet.addresses import listen_problem, url_problem
from controlplane.fleet.enrolment import KEY, Face, Place, Secrets, Upstream, toml
from controlplane.fleet.invitations import LIFE, invite
from controlplane.policy.signing import ask
from controlplane.policy.wake import wake
from enforcer.contract.keys import SigningKey

USERS_WITHIN_S = 10.0
REMOTE_DATA, REMOTE_LISTEN = Path("/var/lib/drawbridge"), "127.0.0.1:8801"
EVERYWHERE = ("0.0.0.0", "[::]")  # noqa: S104 - nothing is bound here


class Command(BaseCommand):
    """It returns when the enforcer can sign in everywhere."""

    help = "Enrol an enforcer on its own host; prints the file for `enforcer run`."
    words: Sequence[str] = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """What stands behind `--` is the server's command: argparse would not take it whole."""
        end = argv.index("--") if "--" in argv else len(argv)
        self.words = argv[end + 1 :]
        super().run_from_argv(argv[:end])

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """As CONTRACTS section 1."""
        parser.add_argument("enforcer_id", metavar="ENFORCER_ID")
        parser.add_argument("--server", metavar="ID", action="append", required=True, help="may stand several times")
        parser.add_argument("--upstream", metavar="URL", default="", help="where the servers listen")
        parser.add_argument("--listen", metavar="H:P", default="", help="a free loopback port if not given")
        parser.add_argument(
            "--public-url", metavar="URL", default="", help="what clients call; as --listen if not given"
        )
        parser.add_argument("--tls", metavar=("CERT", "KEY"), nargs=2, help="PEM files, needed beyond loopback")
        parser.add_argument("--data-dir", metavar="D", type=Path, help="DATA_DIR/enforcers/ENFORCER_ID if not given")
        parser.add_argument("--rotate", action="store_true", help="new credentials for an enrolled enforcer")
        parser.add_argument("--remote", action="store_true", help="for another host: its file holds a one-time code")
        parser.add_argument("--embedded", action="store_true", help="the servers embed the gate as a library")
        parser.add_argument("--command", action="store_true", help="-- ARG …, last: what starts the server")

    def work(self, options: dict[str, Any]) -> int:
        """Check everything, ask the publisher, commit, then print."""
        upstreams = _upstreams(options, self.words)
        server_ids = [upstream.server for upstream in upstreams]
        place = _place(options)
        if options["remote"]:
            return self._invite(place, upstreams, rotate=bool(options["rotate"]))
        services.check_enrolment(enforcer_id=place.enforcer_id, server_ids=server_ids, rotate=bool(options["rotate"]))
        if (place.data_dir / KEY).exists() and not options["rotate"]:
            raise UsageError.option("--data-dir", f"{place.data_dir} holds an enforcer's key; name another directory")
        made = Secrets(
            key=SigningKey.generate(),
            redis_password=secrets.token_urlsafe(32),
            broker_password=secrets.token_urlsafe(32),
            server_keys={id_: _server_key(id_) for id_ in server_ids},
        )
        _commit(place, server_ids, made, rotate=bool(options["rotate"]))
        _await_users(place.enforcer_id)
        self.stdout.write(toml(place, upstreams))
        return DONE

    def _invite(self, place: Place, upstreams: list[Upstream], *, rotate: bool) -> int:
        """The secrets are made where the enforcer runs; here is only the code, in the file that goes there."""
        server_ids = [upstream.server for upstream in upstreams]
        code = invite(enforcer_id=place.enforcer_id, server_ids=server_ids, rotate=rotate, actor=host_operator())
        minutes = int(LIFE.total_seconds() // 60)
        self.say(f"put this file on the enforcer's host and start `enforcer run` there within {minutes} minutes")
        self.stdout.write(toml(place, upstreams, code=code))
        return DONE


def _upstreams(options: dict[str, Any], words: Sequence[str]) -> list[Upstream]:
    ids: list[str] = options["server"]
    command: bool = options["command"]
    url: str = options["upstream"]
    embedded: bool = options["embedded"]
    if command != bool(words and words[0]):
        raise UsageError.option("--command", "and the words behind -- need each other; write --command -- PROGRAM …")
    if url and command:
        raise UsageError.option("--command", "stands beside --upstream; write one of them")
    if len(ids) != len(set(ids)):
        raise UsageError.option("--server", "names a server twice; write each once")
    if embedded and (url or command):
        raise UsageError.option("--embedded", "stands beside --upstream or --command; write one of them")
    if embedded and options["remote"]:
        raise UsageError.option("--remote", "a program that embeds the gate is enrolled on its own host; leave it out")
    if url:
        _check_url("--upstream", url, "http://HOST:PORT/PATH")
    return [Upstream(id_, url, tuple(words), embedded) for id_ in ids]


def _check_url(option: str, url: str, example: str) -> None:
    """What the enforcer would refuse in the printed file is refused here."""
    if problem := url_problem(url, example):
        raise UsageError.option(option, problem)


def _place(options: dict[str, Any]) -> Place:
    enforcer_id: str = options["enforcer_id"]
    directory: Path = options["data_dir"] or (REMOTE_DATA if options["remote"] else _here()) / enforcer_id
    root_key = stored(settings.ROOT_PUB)
    if not (root_key and settings.REDIS_URL and settings.RECEIPTS_BROKER_URL):
        raise StackUnreachable(f"{settings.DATA_DIR} holds no running control plane; start it with manage.py up")
    listen: str = options["listen"] or (REMOTE_LISTEN if options["remote"] else "")
    return Place(
        enforcer_id=enforcer_id,
        face=_face(listen, options["public_url"], options["tls"]),
        data_dir=directory.absolute(),
        control_plane_url=settings.PUBLIC_URL,
        root_key=root_key,
        redis_url=settings.REDIS_URL,
        broker_url=settings.RECEIPTS_BROKER_URL,
    )


def _here() -> Path:
    return Path(settings.DATA_DIR) / "enforcers"


def _face(listen: str, public_url: str, tls: Sequence[str] | None) -> Face:
    address = _listen(listen, exposed=tls is not None)
    if public_url:
        _check_url("--public-url", public_url, "http://HOST:PORT")
    elif address.rpartition(":")[0] in EVERYWHERE:
        raise UsageError.option("--public-url", f"is needed: nobody can call {address}; write https://HOST:PORT")
    files = tuple(str(Path(name).absolute()) for name in tls or ())
    return Face(address, public_url or f"{'https' if files else 'http'}://{address}", files)


def _listen(given: str, *, exposed: bool) -> str:
    if not given:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return f"127.0.0.1:{probe.getsockname()[1]}"
    if problem := listen_problem(given, exposed=exposed):
        raise UsageError.option("--listen", problem)
    return given


def _server_key(server_id: str) -> dict[str, str]:
    answer = ask("server_hmac", {"server_id": server_id})
    return {"key_id": str(answer["key_id"]), "key": str(answer["key"])}


@transaction.atomic
def _commit(place: Place, server_ids: list[str], made: Secrets, *, rotate: bool) -> None:
    """The files are written inside the transaction: where that fails nobody is enrolled."""
    credentials = services.credentials(
        public_key=made.key.public, redis_password=made.redis_password, broker_password=made.broker_password
    )
    services.enroll(
        enforcer_id=place.enforcer_id,
        server_ids=server_ids,
        credentials=credentials,
        rotate=rotate,
        actor=host_operator(),
    )
    try:
        made.write(place.data_dir)
    except OSError as problem:
        sentence = f"{place.data_dir} can't be written, {problem.strerror}; name another directory"
        raise UsageError.option("--data-dir", sentence) from None
    transaction.on_commit(wake, robust=True)


def _await_users(enforcer_id: str) -> None:
    deadline = time.monotonic() + USERS_WITHIN_S
    while not services.has_users(enforcer_id):
        if time.monotonic() >= deadline:
            raise StackUnreachable(
                f"{enforcer_id} is enrolled, but the publisher made no Redis users; once the control plane is up, "
                "enrol again with --rotate"
            )
        time.sleep(0.02)
