"""What is said of a notice: the words of an e-mail, and the JSON of a webhook."""

import json
from dataclasses import dataclass
from datetime import datetime

from controlplane.notices.kinds import KINDS
from enforcer.contract.times import to_text


@dataclass(frozen=True, slots=True)
class Message:
    """`id` is the same at each try, so that who gets it twice can tell."""

    id: str
    event: str  # opened, closed, test
    kind: str
    about: str
    text: str
    opened_at: datetime
    closed_at: datetime | None
    url: str

    @property
    def subject(self) -> str:
        """One line."""
        word = {"opened": "", "closed": "Over: ", "test": "Test: "}[self.event]
        about = f" ({self.about})" if self.about else ""
        return f"[Drawbridge] {word}{_title(self.kind)}{about}"

    @property
    def body(self) -> str:
        """Of an e-mail."""
        lines = [self.text, "", f"Since {to_text(self.opened_at.timestamp())}"]
        if self.closed_at is not None:
            lines.append(f"Over at {to_text(self.closed_at.timestamp())}")
        elif self.kind in KINDS:
            lines += ["", KINDS[self.kind].remedy]
        return "\n".join([*lines, "", self.url, ""])

    @property
    def json(self) -> bytes:
        """Of a webhook."""
        data = {
            "id": self.id,
            "kind": self.kind,
            "about": self.about,
            "title": _title(self.kind),
            "text": self.text,
            "opened_at": to_text(self.opened_at.timestamp()),
            "closed_at": None if self.closed_at is None else to_text(self.closed_at.timestamp()),
            "url": self.url,
        }
        at = to_text((self.closed_at or self.opened_at).timestamp())
        return json.dumps({"type": f"notice.{self.event}", "timestamp": at, "data": data}, ensure_ascii=False).encode()


def _title(kind: str) -> str:
    return KINDS[kind].title if kind in KINDS else "Notifications arrive"
