import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.receipts.admission import NotAdmittedError, clean_message, envelope_text
from enforcer.contract.redis_names import INGEST_TASK

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def message(body: Any, **headers: Any) -> dict[str, Any]:
    return {
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "content-type": "application/json",
        "headers": {"task": INGEST_TASK, "id": "mine", **headers},
        "properties": {"body_encoding": "base64", "delivery_tag": "another's", "delivery_info": {"routing_key": "x"}},
    }


def test_of_a_message_only_the_envelope_survives() -> None:
    callback = {"callbacks": [{"task": "other"}], "chain": None}
    pushed = message([["envelope"], {"more": 1}, callback], eta="2030-01-01", compression="gzip", reply_to="x")
    clean = clean_message(envelope_text(pushed), "receipts.gate")
    assert json.loads(base64.b64decode(str(clean["body"]))) == [["envelope"], {}, {}]
    text = json.dumps(clean)
    assert not any(word in text for word in ("eta", "compression", "reply_to", "another's", "mine", "other"))


@pytest.mark.parametrize(
    "pushed",
    [
        None,
        [],
        {},
        message([["envelope"], {}, {}], task="controlplane.policy.tasks.other"),
        message([["envelope"], {}, {}], task={"a": 1}),
        message([["one", "two"], {}, {}]),
        message([[1], {}, {}]),
        message([[], {"envelope": "x"}, {}]),
        message({"task": INGEST_TASK, "args": ["x"]}),
        {**message([["envelope"], {}, {}]), "body": "\0"},
        {**message([["envelope"], {}, {}]), "body": base64.b64encode(b"[" * 100_000).decode()},
        {**message([["envelope"], {}, {}]), "properties": {"body_encoding": "zlib"}},
    ],
)
def test_everything_else_is_refused(pushed: Any) -> None:
    with pytest.raises(NotAdmittedError):
        envelope_text(pushed)


@given(JSON | st.builds(message, JSON) | st.builds(lambda v, h: {**v, "headers": h}, st.builds(message, JSON), JSON))
def test_whatever_is_pushed_is_text_or_refused(pushed: Any) -> None:
    try:
        assert isinstance(envelope_text(pushed), str)
    except NotAdmittedError:
        pass
