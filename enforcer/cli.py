"""The command `enforcer`. Results on standard output, all else on standard error; exit codes of CONTRACTS section 1."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from enforcer.config import Config, load
from enforcer.errors import ConfigurationError, UnreachableError
from enforcer.observe import logs

DONE, NO, WRONG_USE, UNREACHABLE = 0, 1, 2, 3
LONGEST_WAIT_S = 86_400
MOST_WORKERS = 64
VARIABLES = ("DRAWBRIDGE_DATA_DIR", "DRAWBRIDGE_KEYS_DIR")  # of the control plane; nothing here reads them


class _Parser(argparse.ArgumentParser):
    """A mistake on the command line is one line."""

    def error(self, message: str) -> NoReturn:
        said = message.removeprefix("argument ") if message.startswith("argument ") else f"-: {message}"
        self.exit(WRONG_USE, f"command line:1: {said}; --help shows what would be right\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    options = _parser().parse_args(arguments)
    try:
        _refuse_unknown(os.environ)
        logs.set_up(os.environ)
        code: int = options.act(options)
    except ConfigurationError as problem:
        sys.stderr.write(f"{problem}\n")
        return WRONG_USE
    except UnreachableError as problem:
        sys.stderr.write(f"{problem}\n")
        return UNREACHABLE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="enforcer", description="The gate beside an MCP server.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="serve until stopped")
    run.add_argument("file", type=Path, metavar="FILE.toml")
    run.add_argument("--workers", type=int, default=1, metavar="N", help="serve from so many processes, 1 if not given")
    run.set_defaults(act=_run)
    check = commands.add_parser("check", help="explain a decision from the policy on disk")
    check.add_argument("file", type=Path, metavar="FILE.toml")
    token = check.add_mutually_exclusive_group(required=True)
    token.add_argument("--token", help="the caller's token")
    token.add_argument("--token-file", type=Path, help="a file that holds it")
    check.add_argument("--server", help="needed where the file has several upstreams")
    check.add_argument("--tool", required=True)
    check.add_argument("--args", default="{}", help="the arguments, a JSON object")
    check.set_defaults(act=_check)
    verify = commands.add_parser("verify", help="verify an export of receipts, offline")
    verify.add_argument("file", type=Path, metavar="FILE.jsonl")
    verify.add_argument("--key", type=Path, required=True, metavar="KEYS.json", help="what `receipts keys` printed")
    verify.set_defaults(act=_verify)
    proof = commands.add_parser("verify-proof", help="verify that a receipt is in a signed checkpoint, offline")
    proof.add_argument("file", type=Path, metavar="FILE.json", help="what `receipts proof` printed")
    proof.add_argument("--key", type=Path, required=True, metavar="KEYS.json", help="what `receipts keys` printed")
    proof.set_defaults(act=_verify_proof)
    kill = commands.add_parser("kill", help="stop this enforcer, here and at once; needs nobody")
    kill.add_argument("file", type=Path, metavar="FILE.toml")
    kill.add_argument("--reason", required=True, metavar="TEXT", help="why, for the receipt")
    kill.add_argument("--lower", action="store_true", help="let it go again")
    kill.add_argument(
        "--timeout", type=float, default=10.0, metavar="S", help="seconds to wait for it, 10 if not given"
    )
    kill.set_defaults(act=_kill)
    doctor = commands.add_parser("doctor", help="what this host offers and lacks")
    doctor.add_argument("file", type=Path, metavar="FILE.toml", nargs="?", help="and whether it could serve here")
    doctor.set_defaults(act=_doctor)
    stdio = commands.add_parser("stdio", help="the gate for a client that launches its servers")
    stdio.add_argument("file", type=Path, metavar="FILE.toml")
    stdio.add_argument("--server", help="needed where the file has several upstreams")
    stdio.add_argument("--token-file", type=Path, help="the client's token; client.token in data_dir if not given")
    stdio.add_argument("--print-config", action="store_true", help="print what the client's configuration needs")
    stdio.set_defaults(act=_stdio)
    return parser


def _run(options: argparse.Namespace) -> int:
    if not 1 <= options.workers <= MOST_WORKERS:
        raise ConfigurationError(f"command line:1: --workers: is out of range; write a number up to {MOST_WORKERS}")
    config, dropped_lines = begin(options.file)
    if options.workers > 1:
        from enforcer.workers import parent  # noqa: PLC0415

        return parent.run(config, options.workers, dropped_lines)
    from enforcer.process import run  # noqa: PLC0415 - the other commands start without a web server

    return run(config, dropped_lines)


def begin(file: Path) -> tuple[Config, Callable[[], int]]:
    """For what goes on: its log, its traces, and nothing of the control plane's."""
    sys.modules.setdefault("django", None)  # type: ignore[arg-type]  # kombu would load it wherever it is installed
    from enforcer.observe import export  # noqa: PLC0415

    config = load(file)
    logs.set_up(os.environ, file=config.file.log)
    log = logs.in_background()
    export.set_up(os.environ, enforcer_id=config.enforcer_id)
    return config, lambda: log.dropped


def _check(options: argparse.Namespace) -> int:
    from enforcer.check import check  # noqa: PLC0415

    token = options.token if options.token is not None else _text_of(options.token_file, "--token-file").strip()
    return check(load(options.file), token=token, server=options.server, tool=options.tool, arguments=options.args)


def _verify(options: argparse.Namespace) -> int:
    from enforcer.verify import verify  # noqa: PLC0415

    return verify(options.file, options.key)


def _verify_proof(options: argparse.Namespace) -> int:
    from enforcer.verify import verify_one  # noqa: PLC0415

    return verify_one(options.file, options.key)


def _kill(options: argparse.Namespace) -> int:
    from enforcer.kill import kill  # noqa: PLC0415

    if not 0 <= options.timeout <= LONGEST_WAIT_S:
        raise ConfigurationError(f"command line:1: --timeout: is out of range; write seconds up to {LONGEST_WAIT_S}")
    return kill(load(options.file), reason=options.reason, lower=options.lower, timeout_s=options.timeout)


def _doctor(options: argparse.Namespace) -> int:
    from enforcer.doctor import doctor  # noqa: PLC0415

    return doctor(load(options.file) if options.file else None)


def _stdio(options: argparse.Namespace) -> int:
    named = {"server": options.server, "token_file": options.token_file}
    if options.print_config:
        from enforcer.stdio.snippet import snippet  # noqa: PLC0415

        sys.stdout.write(snippet(load(options.file), **named) + "\n")
        return DONE
    config, dropped_lines = begin(options.file)
    from enforcer.stdio.process import stdio  # noqa: PLC0415

    return stdio(config, **named, dropped_lines=dropped_lines)


def _refuse_unknown(names: Iterable[str]) -> None:
    for name in sorted(names):
        if name.startswith("DRAWBRIDGE_") and name not in VARIABLES:
            raise ConfigurationError(f"environment:1: {name}: unknown variable; known are {' and '.join(VARIABLES)}")


def _text_of(path: Path, key: str) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path}:1: {key}: can't be read; name a text file") from None


if __name__ == "__main__":
    sys.exit(main())
