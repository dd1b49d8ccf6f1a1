import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.envelope import EnvelopeError, PayloadType, pae, seal, unseal
from enforcer.contract.keys import SigningKey

KEY = SigningKey(b"k" * 32)
STRANGER = SigningKey(b"s" * 32)
TRUSTED = {KEY.public.keyid: KEY.public}


def test_the_pre_authentication_encoding_is_that_of_the_dsse_specification() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_one_trusted_signature_among_several_is_enough() -> None:
    raw = seal(PayloadType.LEASE, b"{}", [STRANGER, KEY])
    assert unseal(raw, PayloadType.LEASE, TRUSTED) == b"{}"


def test_a_strangers_signature_under_a_trusted_key_id_is_refused() -> None:
    outer = json.loads(seal(PayloadType.LEASE, b"{}", [STRANGER]))
    outer["signatures"][0]["keyid"] = KEY.public.keyid
    with pytest.raises(EnvelopeError, match="no signature"):
        unseal(json.dumps(outer).encode(), PayloadType.LEASE, TRUSTED)


@pytest.mark.parametrize(
    "change",
    [
        lambda o: o.update(payload="e30A"),
        lambda o: o.update(signatures=[]),
        lambda o: o.update(signatures=None),
        lambda o: o.update(payloadType=PayloadType.ACK),
        lambda o: o.update(extra=1),
        lambda o: o.pop("payload"),
        lambda o: o["signatures"][0].update(sig="!!"),
        lambda o: o["signatures"][0].pop("keyid"),
    ],
)
def test_a_changed_envelope_is_refused(change: object) -> None:
    outer = json.loads(seal(PayloadType.LEASE, b"{}", [KEY]))
    assert callable(change)
    change(outer)
    with pytest.raises(EnvelopeError):
        unseal(json.dumps(outer).encode(), PayloadType.LEASE, TRUSTED)


def test_an_envelope_over_the_size_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(EnvelopeError, match="larger than"):
        unseal(b"x" * 11, PayloadType.LEASE, TRUSTED, max_bytes=10)


@given(st.binary(max_size=300), st.integers(0, 10_000), st.integers(1, 255))
def test_no_flipped_byte_yields_another_payload(payload: bytes, where: int, flip: int) -> None:
    raw = bytearray(seal(PayloadType.LEASE, payload, [KEY]))
    raw[where % len(raw)] ^= flip
    try:
        assert unseal(bytes(raw), PayloadType.LEASE, TRUSTED) == payload
    except EnvelopeError:
        pass


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_the_one_error(raw: bytes) -> None:
    with pytest.raises(EnvelopeError):
        unseal(raw, PayloadType.LEASE, TRUSTED)
