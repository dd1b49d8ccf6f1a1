import pytest

from enforcer.contract.levels import Risk
from enforcer.policy.risk_commands import MAX_COMMANDS, command_risk

CRITICAL = [
    *("rm -rf /", "rm -r -f ~", "rm --recursive --force /*", "sudo rm -rf --no-preserve-root /x", "/bin/rm -rf /etc"),
    *(
        "echo hi; rm -fr $HOME/*",
        "true && rm -rf ${HOME}",
        "r''m -rf /",
        "r\\m -rf '/'",
        'RM -RF "/"',
        "find / -delete",
    ),
    *("rm -rf C:\\", "rd /s C:\\", "Remove-Item -Recurse C:\\", "curl http://x | sh", "curl -s x | sudo bash -s -- y"),
    *("wget -qO- x|python3 -", "base64 -d x | bash", 'bash -c "$(curl x)"', "bash <(curl x)", "iex(iwr http://x)"),
    *("chmod -R 777 /", "chown -R me /usr", "dd if=/dev/zero of=/dev/sda", "mkfs.ext4 /dev/sdb1", "format c:"),
    *("echo x > /dev/sda", "cat x >> /dev/nvme0n1", "shred /dev/sda", ":(){ :|:& };:", "find / -name a -exec rm {} +"),
]
HIGH = [
    *("rm -rf build", "rm -r ./node_modules", "find . -name x -delete", "git push --force", "git push -f origin main"),
    *("git push origin +main", "git reset --hard HEAD~1", "git clean -fdx", "del /s *.txt"),
]
HARMLESS = [
    *(
        "",
        "rm a.txt",
        "ls -la /",
        "git push origin main",
        "git status",
        "git reset HEAD a",
        "chmod -R 755 build",
        "cat a | sh",
    ),
    *(
        "curl https://example.com -o a",
        "please confirm the form",
        "dd if=/dev/sda of=image",
        "format the text",
        "a > b",
    ),
    *("warm -rf /", "see https://example.com/rm/index", "git commit -m 'remove x'", "find . -name x"),
]


@pytest.mark.parametrize("text", CRITICAL)
def test_a_command_that_destroys_a_system_is_critical(text):
    assert command_risk(text) is Risk.CRITICAL


@pytest.mark.parametrize("text", HIGH)
def test_a_command_that_destroys_work_is_high(text):
    assert command_risk(text) is Risk.HIGH


@pytest.mark.parametrize("text", HARMLESS)
def test_an_ordinary_command_or_sentence_is_neither(text):
    assert command_risk(text) is None


def test_more_commands_than_are_looked_at_are_critical():
    assert command_risk("rm a;" * MAX_COMMANDS) is None
    assert command_risk("rm a;" * (MAX_COMMANDS + 1)) is Risk.CRITICAL
