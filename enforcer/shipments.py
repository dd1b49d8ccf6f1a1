"""Every journal that a process has, each with what ships it: its own, and those of workers that run no more."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from enforcer.config import Config
from enforcer.contract import redis_names
from enforcer.contract.keys import Role, SigningKey
from enforcer.journal.journal import Journal
from enforcer.journal.problems import JournalUnavailable
from enforcer.journal.store import Store
from enforcer.link.celery_out import CelerySender
from enforcer.link.follower import Follower
from enforcer.link.link import Link
from enforcer.link.ship import Shipper
from enforcer.secrets_on_disk import read_secret
from enforcer.workers.home import left_behind


class Shipments:
    """From `start` to `close`. `first` ships the process's own journal."""

    def __init__(self, config: Config, key: SigningKey, journals: Sequence[Journal], link: Link | Follower) -> None:
        self._journals = tuple(journals)
        self._shippers = tuple(_shipper(config, key, journal, link) for journal in journals)

    @property
    def first(self) -> Shipper:
        """Of the process's own journal."""
        return self._shippers[0]

    def start(self) -> None:
        """Begin to ship."""
        for shipper in self._shippers:
            shipper.start()

    def acknowledge(self, envelope: bytes) -> None:
        """An ack envelope, unverified; each knows its own chains."""
        for shipper in self._shippers:
            shipper.acknowledge(envelope)

    def depth(self) -> int:
        """Receipts not acknowledged yet."""
        return sum(journal.depth() for journal in self._journals)

    def problems(self) -> tuple[str, ...]:
        """What an operator should know now, each once."""
        return tuple(dict.fromkeys(problem for shipper in self._shippers for problem in shipper.problems()))

    def close(self) -> None:
        """Give the last receipts a moment to leave. Blocks."""
        for shipper in self._shippers:
            shipper.close()


@contextmanager
def journals(config: Config, *, workers: int) -> Iterator[tuple[Journal, ...]]:
    """The process's own, then those with receipts left of workers beyond so many; open as long as the block lasts.

    Raises `ConfigurationError` where one is in use.
    """
    with ExitStack() as stack:
        found = [Journal.open(config.data_dir, enforcer_id=config.enforcer_id)]
        stack.callback(found[0].close)
        for home in left_behind(config.data_dir, workers):
            older = Journal.open(home, enforcer_id=config.enforcer_id)
            if _is_empty(older):
                older.close()
            else:
                stack.callback(older.close)
                found.append(older)
        yield tuple(found)


def _is_empty(journal: Journal) -> bool:
    try:
        return journal.ask(Store.depth) == 0
    except JournalUnavailable:
        return False


def _shipper(config: Config, key: SigningKey, journal: Journal, link: Link | Follower) -> Shipper:
    redis = config.file.receipts_redis
    password = read_secret(config.data_dir / redis.password_file)
    return Shipper(
        journal,
        enforcer_id=config.enforcer_id,
        key=key,
        make_sender=lambda: CelerySender(redis.url, password, redis_names.receipts_queue(config.enforcer_id)),
        ack_keys=lambda: link.public_keys(Role.ACK),
    )
