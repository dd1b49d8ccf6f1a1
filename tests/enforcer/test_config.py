from pathlib import Path

import pytest

from enforcer.config import load
from enforcer.errors import ConfigurationError

GOOD = """\
enforcer_id = "probe"
listen = "127.0.0.1:8801"
public_url = "http://127.0.0.1:8801"
data_dir = "/var/lib/drawbridge/probe"
tls = {cert = "", key = ""}
fetch_allow = ["127.0.0.0/8"]
[control_plane]
url = "http://127.0.0.1:8000"
root_keys = ["ed25519:BRSYV3XO8RlzTqHzSIDhdjTPf3EeJkFD14OwI-4NhZ8"]
[policy_redis]
url = "redis://enforcer-probe@127.0.0.1:6379/0"
password_file = "redis.pass"
[receipts_redis]
url = "redis://enforcer-probe@127.0.0.1:6380/0"
password_file = "broker.pass"
[[upstream]]
server = "files"
url = "http://127.0.0.1:9000/mcp"
[[upstream]]
server = "git"
command = ["mcp-server-git"]
env = {LANG = "C"}
"""


def refusal(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    return str(caught.value).removeprefix(f"{path}:")


def test_the_whole_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "probe.toml"
    file.write_text(GOOD)
    config = load(file)
    assert config.server_ids == ("files", "git")
    assert (config.listen.host, config.listen.port) == ("127.0.0.1", 8801)
    assert config.root_keys[0].text in GOOD


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('listen = "127.0.0.1:8801"', "listen = 5", "2: listen: is a whole number; write a string"),
        ('listen = "127', 'lissten = "127', "2: lissten: unknown key; did you mean listen?"),
        ('listen = "127.0.0.1:8801"\n', "", "1: listen: is missing; write it as `enroll` prints it"),
        ('listen = "127.0.0.1:8801"', 'listen = "0.0.0.0:80"', "2: listen: 0.0.0.0:80 would be plaintext beyond"),
        ('listen = "127.0.0.1:8801"', 'listen = "8801"', "2: listen: '8801' is no address; write HOST:PORT"),
        ('enforcer_id = "probe"', 'enforcer_id = "Probe"', "1: enforcer_id: 'Probe' is no id"),
        ('data_dir = "/var', 'data_dir = "var', "4: data_dir: is a relative path; write an absolute one"),
        ('{cert = "", key', '{cret = "", key', "5: tls.cret: unknown key; did you mean cert?"),
        ('{cert = "", key', '{cert = "x", key', "5: tls: has only one of cert and key"),
        ('["127.0.0.0/8"]', '["127.0.0.1/8"]', "6: fetch_allow[0]: '127.0.0.1/8' is no network"),
        ('fetch_allow', 'redact = ["a(?=b)"]\nfetch_allow', "6: redact[0]: is no expression that can be matched"),
        ('fetch_allow', 'redact = [".*"]\nfetch_allow', "6: redact[0]: matches everything"),
        ('fetch_allow', f'redact = {["x"] * 33}\nfetch_allow', "6: redact: holds 33 patterns; write at most 32"),
        ('url = "http://127.0.0.1:8000"', 'url = "https://x"', "6: fetch_allow[0]: is loopback, and control_plane.url"),
        ('url = "http://127.0.0.1:8000"', 'url = "http://x"', "8: control_plane.url: is plaintext beyond this machine"),
        ('["ed25519:B', '["ed25519:', "9: control_plane.root_keys: not a key like ed25519:"),
        ("root_keys = [", "root_keys = [5, ", "9: control_plane.root_keys[0]: is a whole number; write a string"),
        ("enforcer-probe@127.0.0.1:6379", "u:p@127.0.0.1:6379", "11: policy_redis.url: holds a password"),
        ("enforcer-probe@127.0.0.1:6379", "u@redis.example", "11: policy_redis.url: is plaintext beyond this machine"),
        ('password_file = "broker.pass"\n', "", "13: receipts_redis.password_file: is missing"),
        ('server = "files"', 'server = "git"', "20: upstream[1].server: 'git' stands twice"),
        ('url = "http://127.0.0.1:9000/mcp"', 'url = "http://x/mcp"', "18: upstream[0].url: is plaintext beyond"),
        ('url = "http://127.0.0.1:9000/mcp"', 'url = "https://10.0.0.1/"', "18: upstream[0].url: 10.0.0.1 is neither"),
        ('{cert = "", key = ""}', '{cert = "/-", key = "/-"}', "5: tls: cert and key can't be loaded, No such file"),
        ('url = "http://127.0.0.1:9000/mcp"', "url = 5", "18: upstream[0].url: is a whole number; write a string"),
        ('url = "http://127.0.0.1:9000/mcp"', "", "16: upstream[0].url: needs exactly one of url and command"),
        ('["mcp-server-git"]', '["mcp-server-git", 5]', "21: upstream[1].command[1]: is a whole number"),
        (
            '[[upstream]]\nserver = "files"',
            '[vault.bao]\nmethod = "token"\n[[upstream]]\nserver = "files"',
            "16: vault.bao: this version serves no vault",
        ),
        ("[control_plane]", "[control_plane", "7: -: not TOML"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_one_line_with_line_key_and_what_is_right(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    assert right in GOOD
    message = refusal(tmp_path / "probe.toml", GOOD.replace(right, wrong, 1))
    assert message.startswith(said)
    assert "\n" not in message


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read"):
        load(tmp_path / "none.toml")


def test_tls_in_front_allows_a_public_address(tmp_path: Path) -> None:
    file = tmp_path / "probe.toml"
    file.write_text("tls_ends_in_front = true\n" + GOOD.replace("127.0.0.1:8801", "0.0.0.0:8801", 1))
    assert not load(file).listen.loopback
