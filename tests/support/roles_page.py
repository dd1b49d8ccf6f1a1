"""docs/reference/roles.md, made from the roles themselves. To write it anew:

`python manage.py shell -c "from tests.support.roles_page import PAGE, page; PAGE.write_text(page())"`
"""

from pathlib import Path

from controlplane.accounts.models import LABELS
from controlplane.accounts.roles import ROLES
from controlplane.common.actor import Right

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "roles.md"

HEAD = """# Roles

Who may do what in the web admin and over the API. Roles are Django groups that every migration brings up to date
(`controlplane/accounts/roles.py`); a user may have several. Services ask for the right, pages only decide by it what to
show. This page is made from the code, and a test compares the two.

| right | allows to |
|---|---|
"""

TAIL = """
## What the words mean in this version

- **propose**: a policy author's edit of a grant, principal, group, server, tool, trust level or identity
  provider becomes a proposal. Nothing changes until somebody with `edit_policy` approves it; then it is made as
  the approver's own edit, by the policy as it is at that time. A policy owner edits directly, too.
- **second person**: nobody approves what they proposed: the service refuses it, and so does a constraint of the
  database. No role has both `propose` and `edit_policy`. Nobody changes their own roles or switches their own
  account off.
- **two persons give back**: lowering a switch, ending the revocation of a principal, a quarantine or an egress
  block: on pages and API one with `lower_kill` asks, another one does it, within 24 hours; whoever made a token
  counts as its person. Whoever may raise may answer with no. The host operator lowers alone, by
  `manage.py kill lower`. `KILL_LOWER_SECOND_PERSON=off` in the environment turns it off.
- **not yet by two people**: enrolling or decommissioning an enforcer and changing somebody's roles are done by one
  person with the right, after a fresh sign-in, with a reason and a receipt.
- **approver**: calls that wait for an approval come with a later version; until then the role sees what a
  viewer sees.
- **scope**: no role is limited to some servers or teams yet. Whoever may read receipts reads all of them; a
  viewer and an approver read none.
- **superuser**: may do everything that has a right here, and still can't change a receipt or a published
  version. No command makes one.
- **API tokens** have rights of their own, no more than their creator had when they were made. They outlive
  their creator's roles: a user's page names those that should be revoked too.
- **the host**: whoever may run `manage.py` on the control plane's host may do everything; receipts name the
  operating-system user.
"""


def page() -> str:
    """The whole text."""
    rights = "".join(f"| `{right.value}` | {LABELS[right]} |\n" for right in Right)
    columns = " | ".join(f"`{right.value}`" for right in Right)
    rows = "".join(f"| {name} | {' | '.join(_marks(has))} |\n" for name, has in ROLES.items())
    return f"{HEAD}{rights}\n| role | {columns} |\n|---|{'---|' * len(Right)}\n{rows}{TAIL}"


def _marks(has: frozenset[Right]) -> list[str]:
    return ["✔" if right in has else "" for right in Right]
