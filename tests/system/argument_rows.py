"""Arguments that must never reach a server, and their nearest harmless neighbours, by the rule that tells them apart.

A rule of paths and URLs is named by the sentence that refuses (enforcer/policy/paths.py, urls.py), a rule of schemas by
its keyword, a rule of messages by what is wrong.
"""

from dataclasses import dataclass
from typing import Any

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """`hostile` are refused with `code`, `friendly` pass. All for one tool."""

    tool: str
    code: str
    hostile: tuple[Any, ...]
    friendly: tuple[Any, ...]


def paths(*texts: str) -> tuple[Arguments, ...]:
    """One call each."""
    return tuple({"path": text} for text in texts)


def urls(*texts: str) -> tuple[Arguments, ...]:
    """One call each."""
    return tuple({"url": text} for text in texts)


def typed(**values: Any) -> Arguments:
    """The arguments of `typed`, one of them another."""
    return {"n": 5, **values}


def path_rule(hostile: tuple[str, ...], friendly: tuple[str, ...]) -> Rule:
    return Rule("path", "DENY_PATH_TRAVERSAL", paths(*hostile), paths(*friendly))


def url_rule(hostile: tuple[str, ...], friendly: tuple[str, ...]) -> Rule:
    return Rule("url", "DENY_EGRESS_BLOCKED", urls(*hostile), urls(*friendly))


def schema_rule(*hostile: Arguments, ok: tuple[Arguments, ...], code: str = "DENY_INVALID_ARGUMENTS") -> Rule:
    return Rule("typed", code, hostile, ok)


PATHS = {
    "leads out of the workspace": path_rule(
        (
            "../x",
            "a/../../x",
            "/etc/passwd",
            "/",
            "a/b/../../../x",
            "WORKSPACE/../x",
            "WORKSPACEx/a",
            "./../x",
            "..\\x",
        ),
        ("a/../x", "./x", "x/..", "WORKSPACE/x", "a//b", "..x", "x..", "...", "a/..b"),
    ),
    "holds NUL": path_rule(("x\0", "\0", "a/\0/b", "x%00"), ("x0", "x\\0".replace("\\", "_"))),
    "longer than 4096 bytes": path_rule(("a/" * 2100, "é/" * 1400), ("a/" * 2000,)),
    "a name in it is longer than 255 bytes": path_rule(("x" * 256, "a/" + "é" * 128), ("x" * 255, "é" * 127)),
    "~ is a home directory to some programs": path_rule(("~", "~/x", "~root/x", " ~/x"), ("x~", "a/~", "x~1")),
    "$ names a variable to some programs": path_rule(("$HOME", "a/${HOME}/x", "$(id)"), ("x$", "a$/b", "100$")),
    "a network path (UNC) to some programs": path_rule(("//host/x", "\\\\host\\x", "/\\host/x"), ("a//host",)),
    "a drive letter to some programs": path_rule(("C:\\x", "c:x", "C:/x", "/C:/x"), ("xx:y", "a/C:", "cc:x")),
    "a JSON text, which some programs read as a list": path_rule(
        ('["../x"]', '{"a": 1}', "[]", ' ["x"]'), ("[x", "a[0]", "{x", "x{}")
    ),
    "percent-decoding gives no UTF-8": path_rule(("x%ff", "%c0%ae%c0%ae/x", "a%80"), ("100%", "x%zz", "%")),
    "its percent-encoding hides plain characters": path_rule(
        ("%61", "a%2fb", "x%2ey", "%5c"), ("a%20b", "x%25", "é%20")
    ),
    "hides a .. that shows only once it is decoded": path_rule(
        ("\N{TWO DOT LEADER}/x", "a/\N{TWO DOT LEADER}/x", ".\N{ONE DOT LEADER}/x", "a/ .. /x"),
        ("\N{HORIZONTAL ELLIPSIS}x", "a\N{MIDDLE DOT}b"),
    ),
    "hides a / that shows only once it is normalised": path_rule(
        ("a\N{FULLWIDTH SOLIDUS}b", "\N{FULLWIDTH SOLIDUS}etc", "\N{CARE OF}"),
        ("a\N{FRACTION SLASH}b", "a\N{DIVISION SLASH}b"),
    ),
    "a file: URL of another host": path_rule(("file://host/x", "FILE://evil/x"), ("file:x", "files", "file_x")),
    "can be read in too many ways": path_rule(("%" + "25" * 40 + "20",), ("%2520",)),
    "a symbolic link leads out of the workspace": path_rule(("out/x", "out", "inside/../out/x"), ("in/x", "inside/x")),
    "a symbolic link that can't be followed, or a loop of them": path_rule(("loop", "loop/x"), ("loops", "a/loop")),
    "leads to two places, by a symbolic link before ..": path_rule(("deep/../x",), ("inside/../x",)),
}

URLS = {
    "longer than 16384 bytes": url_rule(("https://api.example.com/" + "x" * 17_000,), ("https://api.example.com/x",)),
    "the scheme is not http or https": url_rule(
        ("file:///etc/passwd", "ftp://api.example.com/", "javascript:alert(1)", "api.example.com", "//api.example.com"),
        ("https://api.example.com", "http://api.example.com/", "HTTPS://api.example.com/"),
    ),
    "more than one @ before the host": url_rule(
        ("https://a@b@api.example.com/",), ("https://api.example.com/a@b", "https://user@api.example.com/")
    ),
    "the port is not a number up to 65535": url_rule(
        ("https://api.example.com:99999/", "https://api.example.com:x/"), ("https://api.example.com:8443/",)
    ),
    "the host is not plain ASCII": url_rule(
        ("https://api.еxample.com/", "https://api%ff.example.com/"), ("https://a.example.org/é",)
    ),
    "the host is not a plain name or address": url_rule(
        ("https://api.example.com,evil.example/", "https://[::1/", "https:///", "https://1.2.3.4.5/"),
        ("https://api.example.com./",),
    ),
    "browsers and other programs read this URL in different ways": url_rule(
        (
            "https://evil.example\\@api.example.com/", "https:/api.example.com/", "https://api.example.com\\.evil.example/",
            "https:\\\\api.example.com/", "https://api%2eexample.com/", "https://0x7f.1/",
        ),
        ("https://api.example.com/\\x", "https://api.example.com/%2e"),
    ),
    "the host is not on the server's egress list": url_rule(
        (
            "https://evil.example/", "https://api.example.com.evil.example/", "https://example.org/", "http://127.0.0.1/",
            "http://169.254.169.254/latest", "https://evilexample.org/", "https://user:api.example.com@evil.example/",
            "http://[::1]/",
        ),
        ("https://a.example.org/", "https://a.b.example.org/x", "https://API.EXAMPLE.COM/"),
    ),
}  # fmt: skip

SCHEMAS = {
    "additionalProperties": schema_rule(
        typed(force=True),
        typed(inner={"x": "a", "y": "b"}),
        typed(list=[{"x": "a"}, {"x": "a", "deep": 1}]),
        typed(N=5),
        typed(**{"n\u200b": 1}),
        ok=(typed(inner={"x": "a"}), typed(list=[{"x": "a"}]), typed(open={"anything": {"goes": 1}})),
        code="DENY_UNKNOWN_FIELDS",
    ),
    "type": schema_rule(
        typed(n="5"), typed(n=True), typed(n=[5]), typed(n=None), typed(n=5.5), typed(inner="{}"), typed(list="[]"),
        typed(flag="true"), typed(flag=1), typed(flag=0),
        ok=(typed(n=5), typed(flag=True), typed(list=[])),
    ),
    "required": schema_rule({}, {"flag": True}, ok=({"n": 1},)),
    "minimum": schema_rule(typed(n=-1), typed(n=-(2**53) + 1), ok=(typed(n=0),)),
    "maximum": schema_rule(typed(n=101), typed(n=2**53 - 1), ok=(typed(n=100),)),
    "enum": schema_rule(typed(kind="A"), typed(kind="a "), typed(kind=""), ok=(typed(kind="a"), typed(kind="b"))),
    "pattern": schema_rule(
        typed(word="abc\n"), typed(word="ab1"), typed(word="ABC"), typed(word="\u0430bc"), typed(word=""),
        ok=(typed(word="abc"),),
    ),
    "maxLength": schema_rule(typed(long="x" * 9), typed(long="é" * 9), ok=(typed(long="é" * 8),)),
    "maxItems": schema_rule(typed(list=[{}] * 4), ok=(typed(list=[{}] * 3),)),
    "anyOf": schema_rule(typed(either=True), typed(either=[]), ok=(typed(either="a"), typed(either=1))),
}  # fmt: skip

# Whole bodies are sent as they stand: NONCE is a harmless text.
MESSAGES = {
    "an integer beyond 2^53": ('{"n": 9007199254740993}', '{"n": 100}'),
    "a number beyond a double": ('{"n": 1e400}', '{"n": 1e1}'),
    "NaN": ('{"n": NaN}', '{"n": 0}'),
    "infinity": ('{"n": -Infinity}', '{"n": 1}'),
    "a key that stands twice": ('{"n": 5, "n": 500}', '{"n": 5}'),
    "a key that stands twice, escaped once": ('{"n": 5, "\\u006e": 500}', '{"\\u006e": 5}'),
    "a lone surrogate": ('{"n": 5, "long": "\\ud800"}', '{"n": 5, "long": "\\ud83d\\ude00"}'),
    "too deep": ('{"n": 5, "open": ' + "[" * 100 + "]" * 100 + "}", '{"n": 5, "open": {"a": [[[[1]]]]}}'),
    "a comment": ('{"n": 5 /* */}', '{"n": 5 }'),
    "a trailing comma": ('{"n": 5,}', '{"n":5}'),
    "arguments that are no object": ("[5]", '{"n": 6}'),
    "arguments that are a text": ('"{\\"n\\": 5}"', '{"n": 7}'),
}
