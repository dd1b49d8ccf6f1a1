from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from enforcer.sandbox.bubblewrap import View, wrap
from enforcer.sandbox.mounts import Mount, arrange, contains

paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda parts: Path("/", *parts))


@given(st.lists(paths), st.lists(paths))
def test_whatever_is_mounted_parents_come_first_and_nothing_hidden_shows(shown: list[Path], hidden: list[Path]) -> None:
    arranged = arrange([Mount(path, "read_only") for path in shown], hidden)
    order = [mount.path for mount in arranged]
    for n, path in enumerate(order):
        assert not any(contains(path, earlier) for earlier in order[:n])
    covered = {mount.path for mount in arranged if mount.kind == "covered"}
    for secret in hidden:
        if any(contains(path, secret) and path != secret for path in shown):
            assert secret in covered


def test_the_last_mount_of_a_path_wins() -> None:
    assert arrange([Mount(Path("/a"), "read_only"), Mount(Path("/a"), "read_write")], []) == (
        Mount(Path("/a"), "read_write"),
    )


def test_the_network_is_cut_unless_asked_for_and_everything_else_always_is() -> None:
    cut = wrap("bwrap", View((), Path("/"), network=False), ["true"])
    open_ = wrap("bwrap", View((), Path("/"), network=True), ["true"])
    assert "--unshare-net" in cut
    assert "--unshare-net" not in open_
    for option in (
        "--unshare-user",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--die-with-parent",
        "--new-session",
    ):
        assert option in cut
        assert option in open_


def test_a_command_that_looks_like_options_stays_a_command() -> None:
    words = wrap("bwrap", View((), Path("/"), network=False), ["--bind", "/", "/"])
    assert words[words.index("--") + 1 :] == ("--bind", "/", "/")
