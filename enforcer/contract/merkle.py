"""Merkle trees as in RFC 9162 section 2.1: leaves and nodes are hashed apart, so that neither passes for the other."""

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32


def leaf(data: bytes) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\0" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, in their order; that of no leaf is SHA-256 of nothing."""
    if not leaves:
        return hashlib.sha256().digest()
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Its inclusion proof (section 2.1.3.1): the hashes beside the way from a leaf up to the root."""
    found, level = [], list(leaves)
    while len(level) > 1:
        if (beside := index ^ 1) < len(level):
            found.append(level[beside])
        level, index = _above(level), index >> 1
    return found


def root_of_path(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a tree of `size` leaves has if this one is at `index`; None for a proof of another length."""
    made, last, left = leaf_hash, size - 1, list(proof)
    while last > 0:
        if index ^ 1 <= last:
            if not left:
                return None
            beside = left.pop(0)
            made = node(beside, made) if index & 1 else node(made, beside)
        index, last = index >> 1, last >> 1
    return None if left else made


def _above(level: Sequence[bytes]) -> list[bytes]:
    """One without a neighbour rises as it is: the split of the RFC at the largest power of two."""
    made = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*made, level[-1]] if len(level) % 2 else made
