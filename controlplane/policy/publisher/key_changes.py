"""New key lists, signed by the root: a generation more, a role's key changed, an old one struck out.

The publisher reads list and keys anew every second. A list is written before a key is used, and a key is struck out
only after everything was signed anew: at no moment does an enforcer hold something that its list doesn't vouch for,
unless a key was stolen, when that is the point.
"""

from pathlib import Path

import msgspec

from controlplane.common.errors import InvalidState
from controlplane.common.files import PUBLIC, write_whole
from controlplane.policy.publisher.keys import LISTED, KeyFiles, KeysProblemError, listed, private_key, public_key
from enforcer.contract.documents import signed
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import KeyList, ListedKey
from enforcer.contract.keys import Role, SigningKey
from enforcer.contract.times import to_text

KEPT_FOR_EVER = (Role.CHECKPOINT,)  # exports of years ago are verified by it


class Signer:
    """Holds the root's key for one command; raises `KeysProblemError` where it is not that of the list."""

    def __init__(self, files: KeyFiles, root_file: Path) -> None:
        public, self._files, self._root = public_key(files.root_public), files, private_key(root_file)
        if self._root.public.text != public.text:
            sentence = f"is another root than {files.root_public}; bring that one's key"
            raise KeysProblemError(root_file, Role.ROOT, sentence)
        self.list = listed(files, public)[1]

    def raise_generation(self, now: float) -> int:
        """Everything is signed anew; the generation then."""
        return self._write(now, generation=self.list.generation + 1, keys=self.list.keys)

    def rotate(self, role: Role, *, compromised: bool, now: float) -> int:
        """A new key of this role. The old one stays listed until `retire`, but where it is `compromised`."""
        path, fresh = self._files.directory / role, SigningKey.generate()
        mine = ListedKey(role=role, public=fresh.public.text)
        others = tuple(key for key in self.list.keys if key.role != role)
        if compromised:
            write_whole(path, fresh.to_text() + "\n")
            return self._write(now, generation=self.list.generation + 1, keys=(*others, mine))
        both = (*self.list.keys, mine)
        self._write(now, generation=self.list.generation, keys=both)
        write_whole(path, fresh.to_text() + "\n")
        return self._write(now, generation=self.list.generation + 1, keys=both)

    def retire(self, role: Role, now: float) -> int:
        """Only the key in use stays listed. Raises `InvalidState` where there is no other, or it has to stay."""
        if role in KEPT_FOR_EVER:
            raise InvalidState("ROLE", f"old keys of {role} verify old exports; they stay")
        current = private_key(self._files.directory / role).public.text
        kept = tuple(key for key in self.list.keys if key.role != role or key.public == current)
        if len(kept) == len(self.list.keys):
            raise InvalidState("ROLE", f"{role} has one key; rotate it first")
        return self._write(now, generation=self.list.generation + 1, keys=kept)

    def _write(self, now: float, *, generation: int, keys: tuple[ListedKey, ...]) -> int:
        made: KeyList = msgspec.structs.replace(
            self.list, generation=generation, issued_at=to_text(now), version=self.list.version + 1, keys=keys
        )
        write_whole(self._files.key_list, signed(made, PayloadType.KEYS, self._root).decode() + "\n", mode=PUBLIC)
        self.list = made
        return generation


def role_of(word: str) -> Role:
    """Of the command line; raises `InvalidState`."""
    for role in LISTED:
        if role == word:
            return role
    raise InvalidState("ROLE", f"{word!r} is no role whose key is listed; one of {', '.join(LISTED)} is")
