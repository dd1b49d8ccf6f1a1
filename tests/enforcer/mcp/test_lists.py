"""A page of tools, cut to what the caller may see."""

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.mcp.lists import page_result, read_page


def tool(name: str, **more: JsonValue) -> JsonObject:
    return {"name": name, "inputSchema": {"type": "object"}, **more}


def shown(result: JsonObject, *, hidden: str = "", fake: str = "") -> list[JsonValue]:
    """Names of the tools that the caller gets."""
    page = read_page(result)
    assert page is not None
    visible = {str(t["name"]) for t in page.tools} - {hidden}
    made = page_result(
        page, "legacy", visible=visible, genuine=lambda found: found["name"] != fake, wrapped_cursor=None
    )
    tools = made["tools"]
    assert isinstance(tools, list)
    return [t["name"] for t in tools if isinstance(t, dict)]


def test_what_is_hidden_or_not_genuine_is_left_out_and_the_order_stays() -> None:
    result: JsonObject = {"tools": [tool("c"), tool("a"), tool("d"), tool("b")]}
    assert shown(result) == ["c", "a", "d", "b"]
    assert shown(result, hidden="a") == ["c", "d", "b"]
    assert shown(result, fake="d") == ["c", "a", "b"]


def test_both_of_two_tools_with_one_name_are_left_out() -> None:
    assert shown({"tools": [tool("a"), tool("b"), tool("a", title="other")]}) == ["b"]


def test_what_is_no_tool_is_left_out() -> None:
    wrong: list[JsonValue] = [
        "a",
        None,
        {},
        {"name": 1, "inputSchema": {}},
        {"name": "", "inputSchema": {}},
        {"name": "x"},
        {"name": "y", "inputSchema": []},
        {"name": "z", "inputSchema": {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}}},
        tool("good"),
    ]
    assert shown({"tools": wrong}) == ["good"]


def test_the_cursor_stays_on_an_empty_page_and_an_empty_one_is_a_cursor() -> None:
    page = read_page({"tools": [tool("a")], "nextCursor": ""})
    assert page is not None
    assert page.next_cursor == ""
    made = page_result(page, "legacy", visible=(), genuine=lambda _: True, wrapped_cursor="w")
    assert made == {"tools": [], "nextCursor": "w"}


def test_a_modern_page_is_private_and_soon_stale() -> None:
    for given, kept in ((60_000, 1000), (5, 5), (-1, 0), ("9", 0), (True, 0), (None, 0)):
        page = read_page({"tools": [], "ttlMs": given, "cacheScope": "public", "_meta": {"x": 1}, "more": 1})
        assert page is not None
        assert page_result(page, "modern", visible=(), genuine=lambda _: True, wrapped_cursor=None) == {
            "tools": [],
            "resultType": "complete",
            "ttlMs": kept,
            "cacheScope": "private",
        }


def test_a_tool_is_shown_without_what_no_pin_covers_or_nobody_may_fetch() -> None:
    sent = tool(
        "a",
        title="A",
        description="d",
        outputSchema={},
        annotations={"readOnlyHint": True},
        icons=[{"src": "http://evil.example/"}],
        _meta={"ui": {"resourceUri": "ui://x"}},
        execution={"taskSupport": "required"},
        secret="x",
    )
    page = read_page({"tools": [sent]})
    assert page is not None
    made = page_result(page, "legacy", visible={"a"}, genuine=lambda _: True, wrapped_cursor=None)
    kept = {key: value for key, value in sent.items() if key not in ("icons", "_meta", "execution", "secret")}
    assert made == {"tools": [kept]}


def test_what_is_no_page_is_none() -> None:
    wrong: list[JsonValue] = [None, [], {}, {"tools": {}}, {"tools": None}, {"tools": [], "nextCursor": 1}]
    assert [read_page(value) for value in wrong] == [None] * len(wrong)
