from enforcer.toml_lines import line_of

TEXT = """\
name = "x"  # 1
"quoted" = 1
inline = {a = 1}
[table]
a = 1
[table.sub]
b = 2
[[list]]
c = 1
[[list]]
c = 2
"""


def test_keys_are_found_in_tables_lists_and_inline_tables() -> None:
    assert line_of(TEXT, ("name",)) == 1
    assert line_of(TEXT, ("quoted",)) == 2
    assert line_of(TEXT, ("inline", "a")) == 3
    assert line_of(TEXT, ("table", "a")) == 5
    assert line_of(TEXT, ("table", "sub", "b")) == 7
    assert line_of(TEXT, ("list", 1, "c")) == 11


def test_a_missing_key_is_at_the_head_of_its_table() -> None:
    assert line_of(TEXT, ("table", "missing")) == 4
    assert line_of(TEXT, ("list", 0, "missing")) == 8
    assert line_of(TEXT, ("missing",)) == 1
