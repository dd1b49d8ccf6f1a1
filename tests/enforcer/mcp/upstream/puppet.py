"""A stdio server that does what its caller says. Started by path with `python -I -S`: the standard library alone."""

# ruff: noqa: PTH109, PTH208 - imports little: it is started for every test
import json
import os
import resource
import signal
import sys
from typing import Any

received: list[str] = []


def write(*lines: str) -> None:
    for line in lines:
        sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape") + b"\n")
    sys.stdout.buffer.flush()


def answer(request_id: object, **result: object) -> None:
    write(json.dumps({"jsonrpc": "2.0", "id": request_id, "result": result}))


def leave_a_grandchild_with_the_pipes() -> None:
    if os.fork() == 0:
        signal.pause()
    os._exit(0)


def facts() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "group": os.getpgid(0),
        "session": os.getsid(0),
        "environment": dict(os.environ),
        "cwd": os.getcwd(),
        "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "ignored": [s.name for s in signal.Signals if signal.getsignal(s) is signal.SIG_IGN],
        "received": received,
    }


def handle(message: dict[str, Any]) -> None:
    method, params, request_id = message.get("method"), message.get("params", {}), message.get("id")
    if method in ("initialize", "echo"):
        answer(request_id, params=params)
    elif method == "facts":
        answer(request_id, **facts())
    elif method == "say":
        write(*params["lines"])
    elif method == "stderr":
        sys.stderr.write(params["text"])
        sys.stderr.flush()
        answer(request_id)
    elif method == "big":
        answer(request_id, text="x" * params["size"])
    elif method == "answer_and_die":
        answer(request_id, last="words")
        os._exit(0)
    elif method == "die":
        os._exit(3)
    elif method == "close_stdout":
        os.close(1)
    elif method == "fork_and_die":
        leave_a_grandchild_with_the_pipes()
    elif method == "be_stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        answer(request_id, pid=os.getpid())
        os.close(0)
        while True:
            signal.pause()


for raw in sys.stdin.buffer:
    received.append(raw.decode("ascii"))
    handle(json.loads(raw))
