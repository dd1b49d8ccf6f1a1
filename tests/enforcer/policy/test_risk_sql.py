import pytest

from enforcer.contract.levels import Risk
from enforcer.policy.risk_sql import statement_risk, without_comments


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("DROP TABLE users", Risk.CRITICAL),
        ("select 1; drop\n\tdatabase x", Risk.CRITICAL),
        ("drop/**/schema x cascade", Risk.CRITICAL),
        ("DELETE FROM users", Risk.HIGH),
        ("delete from a; delete from b where id = 1", Risk.HIGH),
        ("truncate table x", Risk.HIGH),
        ("TRUNCATE users", Risk.HIGH),
        ("delete from users where id = 1", None),
        ("select * from users", None),
        ("drop me a line", None),
        ("truncate the text to ten words", None),
        ("", None),
    ],
)
def test_a_statement_has_the_risk_of_what_it_destroys(text, risk):
    assert statement_risk(text) is risk


@pytest.mark.parametrize(
    ("text", "left"), [("a/*b*/c", "a c"), ("a/*b", "a/*b"), ("/*a*//*b*/", "  "), ("a*/b", "a*/b")]
)
def test_comments_become_blanks(text, left):
    assert without_comments(text) == left
