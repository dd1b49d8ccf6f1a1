import pytest

from enforcer.contract.strict_json import JsonObject
from enforcer.policy.schemas.dialect import translate
from enforcer.policy.schemas.limits import MAX_BYTES, check_size, check_work, deepest_for
from enforcer.policy.schemas.node import UnfitError
from enforcer.policy.schemas.references import survey


def works(schema: JsonObject) -> bool:
    flat = translate(schema, strict=False)
    try:
        check_work(flat, survey(flat))
    except UnfitError:
        return False
    return True


def doubling(levels: int) -> JsonObject:
    defs: JsonObject = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/a0", "$defs": {**defs, f"a{levels}": {}}}


def test_references_count_as_if_written_out():
    assert works(doubling(10))
    assert not works(doubling(20))


def test_a_recursive_reference_counts_once_whatever_leads_to_it():
    names = [f"n{n}" for n in range(30)]
    each: JsonObject = {"properties": {name: {"$ref": f"#/$defs/{name}"} for name in names}}
    assert works({"$ref": "#/$defs/n0", "$defs": dict.fromkeys(names, each)})


def test_unevaluated_fields_double_the_work_at_each_level():
    schema: JsonObject = {}
    for _ in range(12):
        schema = {"properties": {"a": schema}, "unevaluatedProperties": False}
    assert works(schema)
    for _ in range(8):
        schema = {"properties": {"a": schema}, "unevaluatedProperties": False}
    assert not works(schema)


def test_size_is_that_of_the_text():
    check_size({"default": "x" * (MAX_BYTES - 20)})
    with pytest.raises(UnfitError):
        check_size({"default": "é" * (MAX_BYTES // 2)})


def test_more_branches_allow_less_depth_and_never_none():
    depths = [deepest_for(branches) for branches in (2, 3, 5, 100)]
    assert depths == sorted(depths, reverse=True)
    assert depths[0] == 16
    assert depths[-1] == 4
