import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.definition import definition_hash
from enforcer.contract.receipt import ReceiptType
from enforcer.contract.sighting import MAX_NAME, Sighting, SightingError, hash_of_all, read_sighting, sighting_part
from enforcer.contract.strict_json import JsonObject

READ: JsonObject = {"name": "fs_read", "description": "Reads.", "inputSchema": {"type": "object"}}
SEEN = Sighting("files", "fs_read", "seen", definition_hash(READ), READ, 80)


def receipt(sighting: Sighting) -> JsonObject:
    return {"receipt_type": ReceiptType.DEFINITION, **sighting_part(sighting)}


@pytest.mark.parametrize(
    "sighting",
    [
        SEEN,
        Sighting("files", "fs_read", "seen", definition_hash(READ), None, 90_000),
        Sighting("files", "fs_read", "twice", hash_of_all([definition_hash(READ)] * 2)),
        Sighting("files", "x" * MAX_NAME, "gone"),
    ],
)
def test_what_is_written_is_read(sighting: Sighting) -> None:
    assert read_sighting(receipt(sighting)) == sighting


@pytest.mark.parametrize(
    "wrong",
    [
        Sighting("files", "fs_write", "seen", SEEN.hash, READ),
        Sighting("files", "fs_read", "seen", "sha256:" + "0" * 64, READ),
        Sighting("files", "fs_read", "twice", SEEN.hash, READ),
        Sighting("files", "fs_read", "gone", SEEN.hash),
        Sighting("files", "fs_read", "seen"),
        Sighting("files", "", "gone"),
        Sighting("files", "a\0b", "gone"),
        Sighting("files", "fs_read", "seen", "sha256:" + "0" * 500),
        Sighting("files", "fs_read", "seen", SEEN.hash, None, 2**31),
        Sighting("files", "fs_read", "seen", SEEN.hash, None, -1),
        Sighting("files", "x" * (MAX_NAME + 1), "gone"),
    ],
)
def test_what_contradicts_itself_is_refused(wrong: Sighting) -> None:
    with pytest.raises(SightingError):
        read_sighting(receipt(wrong))


@given(
    st.dictionaries(
        st.sampled_from(["receipt_type", "mcp", "sighting"]),
        st.none() | st.integers() | st.text() | st.dictionaries(st.text(), st.integers()),
    )
)
def test_anything_else_is_refused_and_nothing_else_happens(junk: JsonObject) -> None:
    with pytest.raises(SightingError):
        read_sighting({**receipt(SEEN), **junk} if junk else {})


def test_a_doubled_name_never_has_the_hash_of_one_definition() -> None:
    assert hash_of_all([SEEN.hash, SEEN.hash]) != SEEN.hash
    assert hash_of_all(["b", "a"]) == hash_of_all(["a", "b"])
