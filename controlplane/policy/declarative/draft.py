"""A policy file while it is read: what it says so far, where it says it, and what is wrong with it."""

from collections.abc import Hashable
from dataclasses import dataclass, field

from controlplane.policy.declarative.policy import Policy, Spec, section
from controlplane.policy.declarative.problems import Path, Problem, key_of
from controlplane.policy.declarative.reader import Reader
from controlplane.principals.models import OWN_ISSUER
from controlplane.principals.specs import PrincipalKey


@dataclass(slots=True)
class Draft:
    """`current` is what the file may refer to without naming it; `rows` is all that the rows hold."""

    current: Policy
    rows: Policy
    said: Policy = field(default_factory=Policy)
    places: dict[tuple[str, Hashable], Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    _subjects: list[dict[str, list[PrincipalKey]]] = field(default_factory=list)

    def add(self, name: str, key: Hashable, spec: Spec, reader: Reader) -> None:
        """Note an object of a section; the second of the same key is refused."""
        reader.finish()
        if (name, key) in self.places:
            if not reader.flawed:  # stand-ins for what could not be read look alike
                reader.wrong((), f"the same as {key_of(self.places[name, key])}", "one entry for each")
            return
        self.places[name, key] = reader.path
        section(self.said, name)[key] = spec

    def subjects(self) -> list[dict[str, list[PrincipalKey]]]:
        """Principals by subject, those of the file first; asked for once all of the file's are read."""
        if not self._subjects:
            for policy in (self.said, self.current):
                found: dict[str, list[PrincipalKey]] = {}
                for key in policy.principals:
                    found.setdefault(key.subject, []).append(key)
                self._subjects.append(found)
        return self._subjects

    def issuers(self) -> set[str]:
        """Whose tokens are accepted."""
        return {OWN_ISSUER, *self.said.identity_providers, *self.current.identity_providers}

    def standing(self, name: str, key: Hashable) -> bool:
        """Whether the file says of the object exactly what the rows say."""
        return section(self.rows, name).get(key) == section(self.said, name)[key]

    def wrong(self, name: str, key: Hashable, below: Path, what: str, right: str) -> None:
        """Refuse something inside an object that was read."""
        self.problems.append(Problem((*self.places[name, key], *below), what, right))

    def warn(self, name: str, key: Hashable, below: Path, what: str, right: str) -> None:
        """Say something about an object that is taken as it is."""
        self.warnings.append(Problem((*self.places[name, key], *below), what, right))
