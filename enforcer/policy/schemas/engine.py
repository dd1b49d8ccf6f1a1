"""The engine: jsonschema-rs with its linear regular expressions, its retrieval off, argument values masked in messages.

Linear still means steps times the size of the pattern. A large pattern (`heavy`) is allowed, but then only so much text
may be in the arguments.
"""

from functools import lru_cache

import jsonschema_rs

from enforcer.contract.strict_json import JsonObject
from enforcer.policy.schemas.node import UnfitError

MAX_PATTERN = 1_000_000  # bytes of the compiled program, as is the next
LIGHT_PATTERN = 20_000
MASK = "the value"
_OPTIONS = jsonschema_rs.RegexOptions(size_limit=MAX_PATTERN)
_LIGHT = jsonschema_rs.RegexOptions(size_limit=LIGHT_PATTERN)


def build(schema: JsonObject) -> jsonschema_rs.Validator:
    """A validator that never fetches. Raises `UnfitError` for what earlier checks let pass and the engine doesn't."""
    try:
        return jsonschema_rs.Draft202012Validator(
            schema, pattern_options=_OPTIONS, offline=True, validate_formats=False, mask=MASK
        )
    except (ValueError, jsonschema_rs.ReferencingError):
        raise UnfitError("", "is not a valid JSON Schema", "check it against its meta-schema") from None


def check_plain(plain: JsonObject, at: str) -> None:
    """Raises `UnfitError` naming the first keyword whose value its meta-schema doesn't allow."""
    if not jsonschema_rs.meta.is_valid(plain):
        wrong = next((key for key, value in plain.items() if not jsonschema_rs.meta.is_valid({key: value})), "")
        raise UnfitError(f"{at}/{wrong}", f"{wrong} does not take this value", "see the JSON Schema specification")


def check_pattern(pattern: str, at: str) -> bool:
    """Whether the pattern is heavy. Raises `UnfitError` for one that the linear engine can't compile."""
    if pattern_test(pattern, light=True) is not None:
        return False
    if pattern_test(pattern) is not None:
        return True
    right = "use a regular expression without look-around and back-references, or a smaller one"
    raise UnfitError(at, "is a pattern that can't be matched in linear time", right)


@lru_cache(maxsize=1024)
def pattern_test(pattern: str, *, light: bool = False) -> jsonschema_rs.Validator | None:
    """A validator of one pattern; none where it can't be compiled."""
    try:
        return jsonschema_rs.Draft202012Validator(
            {"pattern": pattern}, pattern_options=_LIGHT if light else _OPTIONS, offline=True
        )
    except ValueError:
        return None


def fits(pattern: str, text: str) -> bool:
    """Whether the pattern occurs in the text; a pattern that can't be compiled never does."""
    test = pattern_test(pattern)
    return test is not None and test.is_valid(text)
