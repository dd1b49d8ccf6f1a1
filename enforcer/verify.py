"""`enforcer verify`: an export of receipts checked offline, with nothing but the public keys."""

import sys
from pathlib import Path

from enforcer.contract import strict_json
from enforcer.contract.checkpoint import ProofError, verify_proof
from enforcer.contract.export import verify_export
from enforcer.contract.keys import PublicKey, Role
from enforcer.contract.progress import on_terminal, told
from enforcer.errors import ConfigurationError


def verify(file: Path, keys_file: Path) -> int:
    """Exit code 0 where the export is whole and unchanged, else 1 and what is wrong with it."""
    keys = read_keys(keys_file)
    try:
        with file.open("rb") as lines:
            size, tell = file.stat().st_size, on_terminal(sys.stderr, "verifying")
            report = verify_export((line.rstrip(b"\n") for line in told(lines, size, len, tell)), keys)
    except OSError as problem:
        raise ConfigurationError(f"{file}:1: -: can't be read, {problem.strerror}; name an export") from None
    for found in report.problems:
        sys.stdout.write(f"{file}: {found}\n")
    if report.problems:
        return 1
    sys.stdout.write(f"{report.receipts} receipts, {report.chains} chains, verified\n")
    if report.parts:
        sys.stdout.write(
            f"a part: at {report.parts} places receipts before are not in this file, as signed heads say\n"
        )
    return 0


def verify_one(file: Path, keys_file: Path) -> int:
    """Exit code 0 where the receipt is in a checkpoint that one of the keys signed, else 1 and why not."""
    keys = read_keys(keys_file)
    try:
        found = verify_proof(file.read_bytes(), keys)
    except OSError as problem:
        raise ConfigurationError(f"{file}:1: -: can't be read, {problem.strerror}; name a proof") from None
    except ProofError as problem:
        sys.stdout.write(f"{file}: {problem}\n")
        return 1
    link, made = found.link, found.checkpoint
    sys.stdout.write(
        f"receipt {link.receipt_id}, {link.sequence} of chain {link.chain_id}, is in checkpoint {made.number} "
        f"of {made.size} receipts, signed {made.issued_at}\n"
    )
    return 0


def read_keys(file: Path) -> dict[str, PublicKey]:
    """The checkpoint keys of what `receipts keys` printed, by key id; raises `ConfigurationError`."""
    try:
        found = strict_json.parse_object(file.read_bytes())
        listed = found["keys"]
        assert isinstance(listed, list)
        made = [PublicKey.from_text(str(k["public"])) for k in listed if isinstance(k, dict) and _checkpoint(k)]
    except OSError as problem:
        raise ConfigurationError(f"{file}:1: --key: can't be read, {problem.strerror}; name the keys file") from None
    except (ValueError, KeyError, TypeError, AssertionError):
        raise ConfigurationError(f"{file}:1: --key: holds no keys; write what `receipts keys` prints") from None
    return {key.keyid: key for key in made}


def _checkpoint(entry: strict_json.JsonObject) -> bool:
    return entry.get("role") == Role.CHECKPOINT
