import time

import pytest

from enforcer.policy.schema import CompiledSchema, compile_arguments
from enforcer.policy.schemas.engine import build, check_pattern, check_plain, fits
from enforcer.policy.schemas.node import UnfitError


def test_a_pattern_is_light_heavy_or_refused():
    assert check_pattern("^[a-z]{1,32}$", "/pattern") is False
    assert check_pattern("^(a|b){1,2000}c$", "/pattern") is True
    for pattern in ("(?=a)", "(?<!a)b", r"(a)\1", "(", "a{1,99999999}"):
        with pytest.raises(UnfitError) as refused:
            check_pattern(pattern, "/pattern")
        assert refused.value.problem.pointer == "/pattern"


def test_a_pattern_that_ruins_backtracking_engines_takes_no_time():
    started = time.perf_counter()
    assert not fits("^(a+)+$", "a" * 20_000 + "!")
    assert time.perf_counter() - started < 1


def test_a_pattern_fits_anywhere_in_the_text_and_the_end_is_the_end():
    assert fits("b", "abc")
    assert not fits("^[A-Z]{2}$", "AB\n")
    assert not fits("(?=a)", "a")


def test_a_wrong_keyword_is_named():
    check_plain({"type": "string", "minLength": 1}, "/a")
    with pytest.raises(UnfitError) as refused:
        check_plain({"type": "string", "minLength": -1}, "/a")
    assert refused.value.problem.pointer == "/a/minLength"


def test_nothing_is_fetched():
    for reference in ("http://127.0.0.1:9/x", "file:///etc/hostname", "https://example.com/schema"):
        with pytest.raises(UnfitError):
            build({"$ref": reference})


def test_a_pattern_that_stalls_backtracking_engines_refuses_in_milliseconds():
    compiled = compile_arguments({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}})
    assert isinstance(compiled, CompiledSchema)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        assert [p.pointer for p in compiled.check({"a": "a" * 40 + "!"})] == ["/a"]
        times.append(time.perf_counter() - began)
    assert min(times) < 0.01
