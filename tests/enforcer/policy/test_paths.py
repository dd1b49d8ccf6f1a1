import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.policy.paths import Refused, Resolved, check_path

WORKSPACE = "/srv/files"
PIECES = ["..", ".", "a", "b c", "/", "/", "\\", "%2e", "%2f", "%5c", "%25", "~", "$HOME", "．．", "／", "é", " ", "\t"]
PATHS = st.lists(st.sampled_from([*PIECES, "file:", "file://", "//", WORKSPACE, "link", "up", "C:"]), max_size=8).map(
    "".join
)


def check(sent: str) -> Resolved | Refused:
    return check_path(sent, workspace=WORKSPACE, real=None)


@pytest.mark.parametrize(
    ("sent", "relative"),
    [
        ("", "."),
        (".", "."),
        ("a/..", "."),
        ("a/./b/../c", "a/c"),
        ("reports/../secrets/x", "secrets/x"),
        ("/srv/files", "."),
        ("/srv/files/a//b/", "a/b"),
        ("a b.txt", "a b.txt"),
        ("a%20b", "a%20b"),
        ("100%", "100%"),
        ("a~", "a~"),
        ("...", "..."),
        ("a$", "a$"),
        ("app/[id]/page.tsx", "app/[id]/page.tsx"),
        ("é" * 127, "é" * 127),
        ("file:///srv/files/a%20b.txt?x#y", "a b.txt"),
        ("file://localhost/srv/files/a", "a"),
    ],
)
def test_a_path_inside_is_resolved_relative_to_the_workspace(sent, relative):
    absolute = WORKSPACE if relative == "." else f"{WORKSPACE}/{relative}"
    assert check(sent) == Resolved(relative, absolute)


@pytest.mark.parametrize(
    "sent",
    [
        *("..", "../x", "a/../../b", "/etc/passwd", "/", "/srv/filesystem", "/srv/files/../files/x", "/srv/x/../files"),
        *("%2e%2e/x", "..%2fx", "%252e%252e/x", "a/%2e%2e/%2e%2e/b", "%2Fetc", "%61", "..\\x", "a\\..\\..\\b", "\\etc"),
        *(
            "．．/x",
            "‥/x",
            "a／..／..／b",
            "／etc",
            "%EF%BC%8Fetc",
            "~",
            "~root/x",
            "%7e/x",
            "～/x",
            " ~",
            "$HOME",
            "a/$x",
        ),
        *(
            "${HOME}",
            "＄HOME",
            "file:///etc/passwd",
            "FILE:/etc/passwd",
            "file:..",
            "file://host/srv/files/a",
            "fi\nle:///etc",
        ),
        *(
            "file:%2e%2e/x",
            "a\0b",
            "a%00",
            "C:\\x",
            "c:x",
            "/C:/x",
            "\\\\host\\share",
            "//host/share",
            "%5c%5chost",
            "%ff",
        ),
        *("%c0%ae%c0%ae/x", "x" * 256, "é" * 128, "a/" * 2049, " ../x", "a/ .. / .. /b", "\t/etc", "\ud800"),
        *('["/etc/passwd"]', '{"a":1}', "[" * 3000, "%25" * 40 + "41"),
    ],
)
def test_a_path_that_leaves_or_can_be_read_in_two_ways_is_refused(sent):
    assert isinstance(check(sent), Refused)


def test_a_refusal_never_holds_the_path():
    for sent in ("../secret-name", "secret-name\0", "/secret-name", "secret-name/$HOME"):
        verdict = check(sent)
        assert isinstance(verdict, Refused)
        assert "secret-name" not in verdict.detail


def test_a_workspace_that_is_not_absolute_refuses_everything():
    assert isinstance(check_path("a", workspace="files", real=None), Refused)
    assert isinstance(check_path("a", workspace="", real=None), Refused)


@settings(deadline=None)
@given(PATHS)
def test_a_refused_path_stays_refused_however_it_is_spelled(sent):
    if isinstance(check(sent), Refused):
        spelled = [
            quote(sent, safe="/"),
            quote(sent),
            quote(quote(sent)),
            sent.replace("/", "\\"),
            f" {sent} ",
            f"./{sent}",
        ]
        relative = not sent.strip().startswith(("/", "~", "\\", "%", "f", "C"))
        for other in spelled if relative else spelled[:3]:
            assert isinstance(check(other), Refused), other


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_at_all_raises_or_resolves_outside(sent):
    verdict = check(sent)
    if isinstance(verdict, Resolved):
        assert os.path.normpath(verdict.absolute) == verdict.absolute
        assert verdict.absolute == WORKSPACE or verdict.absolute.startswith(WORKSPACE + "/")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("tree")
    root = base / "files"
    (root / "a" / "b").mkdir(parents=True)
    (root / "secrets").mkdir()
    (base / "outside").mkdir()
    (root / "out").symlink_to(base / "outside")
    (root / "link").symlink_to(root / "secrets")
    (root / "deep").symlink_to(root / "a" / "b")
    (root / "up").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "b c").symlink_to("/etc")
    (base / "door").symlink_to(root)
    return root


def strict_real(path: str) -> str | None:
    try:
        Path(path).stat()
    except FileNotFoundError:
        return os.path.realpath(path)
    except OSError as problem:
        return None if problem.errno == 40 else os.path.realpath(path)
    return os.path.realpath(path)


@pytest.mark.parametrize(
    "sent",
    [
        "out",
        "out/x",
        "out/new/file",
        "up/x",
        "up",
        "loop",
        "loop/x",
        "deep/../x",
        "b%20c/passwd",
        "out%20/x",
        "a/../up",
    ],
)
def test_a_link_that_leads_out_around_or_to_two_places_is_refused(tree, sent):
    assert isinstance(check_path(sent, workspace=str(tree), real=strict_real), Refused)


def test_a_link_that_stays_inside_is_resolved_to_where_it_leads(tree):
    assert check_path("link/x", workspace=str(tree), real=strict_real) == Resolved("secrets/x", str(tree / "secrets/x"))


def test_a_dot_dot_behind_a_name_that_is_not_there_yet_is_fine(tree):
    assert check_path("new/../x", workspace=str(tree), real=strict_real) == Resolved("x", str(tree / "x"))
    assert check_path("link/../x", workspace=str(tree), real=strict_real) == Resolved("x", str(tree / "x"))


def test_a_disk_that_can_not_be_followed_refuses(tree):
    assert isinstance(check_path("a", workspace=str(tree), real=lambda path: None), Refused)
    assert isinstance(check_path("x", workspace=str(tree), real=lambda p: None if p.endswith("x") else p), Refused)


def test_a_workspace_behind_a_link_is_the_place_it_leads_to(tree):
    door = str(tree.parent / "door")
    assert check_path("a/x", workspace=door, real=strict_real) == Resolved("a/x", str(tree / "a/x"))
    assert check_path(f"{door}/a", workspace=door, real=strict_real) == Resolved("a", str(tree / "a"))


@settings(max_examples=300, deadline=None)
@given(sent=PATHS)
def test_an_accepted_path_never_escapes_on_a_real_disk(tree, sent):
    sent = sent.replace(WORKSPACE, str(tree))
    verdict = check_path(sent, workspace=str(tree), real=strict_real)
    if isinstance(verdict, Resolved):
        for walked in (tree / sent, os.path.normpath(tree / sent), verdict.absolute):
            if not sent.startswith("file:"):
                assert Path(os.path.realpath(walked)).is_relative_to(tree)
        assert Path(os.path.realpath(verdict.absolute)) == tree / verdict.relative
