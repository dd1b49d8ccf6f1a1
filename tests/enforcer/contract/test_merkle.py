"""Trees as RFC 9162 has them: the roots that Certificate Transparency publishes, and proofs of every leaf."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract import merkle

ENTRIES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
TREES = st.lists(st.binary(max_size=4), min_size=1, max_size=40)


@pytest.mark.parametrize("size", range(1, 9))
def test_the_root_is_the_one_that_is_known(size: int) -> None:
    assert merkle.root([merkle.leaf(entry) for entry in ENTRIES[:size]]).hex() == ROOTS[size - 1]


def test_a_tree_of_nothing_is_the_hash_of_nothing() -> None:
    assert merkle.root([]) == hashlib.sha256().digest()


@given(TREES, st.data())
def test_each_leaf_leads_to_the_root_and_no_other_does(entries: list[bytes], data: st.DataObject) -> None:
    leaves = [merkle.leaf(entry) for entry in entries]
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = merkle.path(leaves, index), merkle.root(leaves)
    assert merkle.root_of_path(leaves[index], index, len(leaves), proof) == root
    assert merkle.root_of_path(merkle.leaf(b"another one"), index, len(leaves), proof) != root
    assert merkle.root_of_path(leaves[index], index, len(leaves), [*proof, root]) is None
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        wrong = [*proof[:at], merkle.leaf(b"another one"), *proof[at + 1 :]]
        assert merkle.root_of_path(leaves[index], index, len(leaves), wrong) != root
        assert merkle.root_of_path(leaves[index], index, len(leaves), proof[:-1]) is None
