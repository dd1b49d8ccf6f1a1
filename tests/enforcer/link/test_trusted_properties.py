"""Whatever genuine documents come, in whatever order, with restarts between: nothing ever goes backwards."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.link import store
from enforcer.link.clocks import Instant
from enforcer.link.state import Envelopes, Trusted
from enforcer.link.trusted import update
from enforcer.link.verify import Kind
from enforcer.policy.index import build_index
from tests.enforcer.link import publisher
from tests.enforcer.link.publisher import NOW, ROOTS, SERVER, envelopes, incident, lease, sealed, snapshot

# What a control plane published, in order: (snapshot, incident state), and a lease for each.
HISTORY = [(1, 1), (1, 2), (2, 2), (3, 3), (3, 4), (4, 4)]
GENERATION = [1, 1, 1, 1, 2, 2]
PAIRS = [(snapshot(s, generation=g), incident(i, generation=g)) for (s, i), g in zip(HISTORY, GENERATION, strict=True)]
KEYS = [sealed(publisher.key_list(g, generation=g)) for g in (1, 2)]
SNAPSHOTS = [sealed(policy) for policy, _ in PAIRS]
INCIDENTS = [sealed(state) for _, state in PAIRS]
LEASES = [
    sealed(lease(n, of=pair, generation=g, issued_at=NOW + n))
    for n, (pair, g) in enumerate(zip(PAIRS, GENERATION, strict=True), start=1)
]
POOL = (
    [Envelopes(keys=raw) for raw in KEYS]
    + [Envelopes(snapshot=raw) for raw in SNAPSHOTS]
    + [Envelopes(incident=raw) for raw in INCIDENTS]
    + [Envelopes(lease=raw) for raw in LEASES]
    + [
        Envelopes(keys=k, snapshot=s, incident=i, lease=x)
        for k in KEYS
        for s, i, x in zip(SNAPSHOTS, INCIDENTS, LEASES, strict=True)
    ]
)


@dataclass(frozen=True)
class Restart:
    """The process ends and starts from its disk."""


def orders(state: Trusted) -> tuple[tuple[int, int], ...] | None:
    pair = state.applied
    return pair and (pair.snapshot.document.order, pair.incident.document.order, pair.lease.document.order)


def restarted(state: Trusted) -> Trusted:
    found = store.decode(store.encode([state], NOW), [SERVER], ROOTS, build_index)
    assert isinstance(found, store.Memory), found
    return found.servers.get(SERVER, Trusted(SERVER, ROOTS, nonce=None))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(POOL), st.just(Restart())), max_size=25))
def test_no_order_of_genuine_documents_takes_policy_back(steps: list[Envelopes | Restart]) -> None:
    state = Trusted(SERVER, ROOTS, nonce=None)
    now = Instant(0, NOW, "b")
    for step in steps:
        before = orders(state)
        if isinstance(step, Restart):
            state = restarted(state)
            assert orders(state) == before
            continue
        state, _ = update(state, step, now=now, load=build_index)
        after = orders(state)
        if before is not None:
            assert after is not None
            assert all(new >= old for new, old in zip(after, before, strict=True))
        assert_consistent(state)


def assert_consistent(state: Trusted) -> None:
    pair = state.applied
    if pair is None:
        return
    named = pair.lease.document
    assert pair.snapshot.digest == named.snapshot_hash
    assert pair.incident.digest == named.incident_hash or pair.incident.document.order > (
        named.generation,
        named.incident_epoch,
    )
    assert pair.index.snapshot == pair.snapshot.document
    assert state.seen[Kind.SNAPSHOT].order == pair.snapshot.document.order
    assert state.seen[Kind.INCIDENT].order == pair.incident.document.order


@settings(max_examples=100, deadline=None)
@given(st.permutations(POOL))
def test_once_all_was_offered_the_last_one_published_is_in_force(offers: list[Envelopes]) -> None:
    state = Trusted(SERVER, ROOTS, nonce=None)
    now = Instant(0, NOW, "b")
    for offered in [*offers, Envelopes(KEYS[-1], LEASES[-1], INCIDENTS[-1], SNAPSHOTS[-1])]:
        state, _ = update(state, offered, now=now, load=build_index)
    assert orders(state) == ((2, 4), (2, 4), (2, 6))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_on_disk_are_an_error_of_the_program(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "policy.json"
        path.write_bytes(raw)
        assert store.read(path, [SERVER], ROOTS, build_index) is not None


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(Kind)), st.integers(0, 400), st.integers(1, 255))
def test_a_flipped_byte_in_an_envelope_is_refused_or_changes_nothing(kind: Kind, at: int, change: int) -> None:
    good = envelopes(publisher.key_list(), *PAIRS[0], lease(1, of=PAIRS[0]))
    parts = {k: getattr(good, k) for k in Kind}
    raw = parts[kind]
    place = at % len(raw)
    parts[kind] = raw[:place] + bytes([raw[place] ^ change]) + raw[place + 1 :]
    state, rejections = update(
        Trusted(SERVER, ROOTS, nonce=None), Envelopes(**parts), now=Instant(0, NOW, "b"), load=build_index
    )
    assert rejections or orders(state) == ((1, 1), (1, 1), (1, 1))
