"""The public keys as the root signed them, for whoever verifies."""

from django.conf import settings

from controlplane.common.errors import InvalidState, StackUnreachable
from enforcer.contract.documents import DocumentError, read
from enforcer.contract.envelope import EnvelopeError, PayloadType, unseal
from enforcer.contract.fleet import KeyList
from enforcer.contract.keys import PublicKey, Role


def listed_keys() -> list[dict[str, str]]:
    """Each as keyid, role and public; raises `StackUnreachable` without a list, `InvalidState` for a bad one."""
    try:
        root = PublicKey.from_text(settings.ROOT_PUB.read_text().strip())
        payload = unseal(settings.KEYS_JSON.read_bytes().strip(), PayloadType.KEYS, {root.keyid: root})
        listed = read(payload, KeyList).keys
    except FileNotFoundError as problem:
        raise StackUnreachable(f"there is no {problem.filename} yet; is the control plane up?") from None
    except (EnvelopeError, DocumentError, ValueError) as problem:
        raise InvalidState("bad_key_list", f"{settings.KEYS_JSON}: {problem}") from None
    return [{"keyid": PublicKey.from_text(k.public).keyid, "role": k.role, "public": k.public} for k in listed]


def checkpoint_keys() -> dict[str, PublicKey]:
    """By key id; raises as `listed_keys`."""
    return {k["keyid"]: PublicKey.from_text(k["public"]) for k in listed_keys() if k["role"] == Role.CHECKPOINT}
