"""Who may do what at which address: the allow-list. An address that is not here fails the test, a new method too.

Rights are those of `controlplane.common.actor`; several mean any of them, none nobody. `ANYBODY` needs no
sign-in. A method that isn't named is nobody's.
"""

from controlplane.common.actor import Right

ANYBODY = "anybody"
Needs = str | tuple[Right, ...]
Rule = dict[str, Needs]

NOBODY: Needs = ()
VIEW: Needs = (Right.VIEW,)
EDIT: Needs = (Right.EDIT_POLICY, Right.PROPOSE)
OWNER: Needs = (Right.EDIT_POLICY,)
CREDENTIALS: Needs = (Right.EDIT_CREDENTIALS,)
RAISE, LOWER = (Right.RAISE_KILL,), (Right.LOWER_KILL,)
FLEET, PEOPLE, TOKENS = (Right.MANAGE_FLEET,), (Right.MANAGE_PEOPLE,), (Right.ISSUE_TOKENS,)
RECEIPTS, EXPORT = (Right.READ_RECEIPTS,), (Right.EXPORT_RECEIPTS,)


def admin_pages(
    name: str, *, see: Needs = VIEW, add: Needs = NOBODY, change: Needs = NOBODY, delete: Needs = NOBODY,
    history: Needs = NOBODY,
) -> dict[str, Rule]:  # fmt: skip
    """The pages that Django's admin makes for every model. A bare key leads on to `change/`, and tells nothing."""
    base, one = f"admin/{name}/", f"admin/{name}/<path:object_id>/"
    return {
        base: form(see),
        f"{base}add/": form(add),
        one: form(VIEW),
        f"{one}change/": {"GET": see, "POST": change},
        f"{one}delete/": form(delete),
        f"{one}history/": form(history),
    }


def form(needs: Needs) -> Rule:
    """A page that asks and may act, or that answers both alike."""
    return {"GET": needs, "POST": needs}


PAGES: dict[str, Rule] = {
    "": {"GET": VIEW},
    "find/": {"GET": VIEW},
    "live/": {"GET": (Right.READ_RECEIPTS,)},
    "parts/live/": {"GET": (Right.READ_RECEIPTS,)},
    "matrix/": {"GET": VIEW},
    "matrix/<str:server_id>/": form(VIEW),
    "parts/freshness/": {"GET": VIEW},
    "^parts/changes/(?P<change_ids>[0-9]{1,18}(?:-[0-9]{1,18}){0,49})/$": {"GET": VIEW},
    "healthz": {"GET": ANYBODY},
    "admin/": form(VIEW),
    "admin/jsi18n/": {"GET": VIEW},
    "admin/autocomplete/": {"GET": VIEW},
    "admin/password_change/": form(VIEW),
    "admin/password_change/done/": {"GET": VIEW},
    **admin_pages("inventory/trustlevel", history=VIEW, change=EDIT),
    **admin_pages("inventory/server", history=VIEW, add=EDIT, change=EDIT, delete=EDIT),
    **admin_pages("inventory/tool", history=VIEW, add=EDIT, change=EDIT, delete=EDIT),
    **admin_pages("inventory/riskpattern", history=VIEW, add=EDIT, change=EDIT, delete=EDIT),
    "admin/inventory/tool/review/": form(OWNER),
    "admin/inventory/tool/reviews/": form(VIEW),
    "admin/inventory/tool/<int:pk>/quarantine/": form(OWNER),
    "admin/inventory/tool/<int:pk>/end-quarantine/": form(OWNER),
    **admin_pages("principals/principal", history=VIEW, add=EDIT, change=EDIT, delete=EDIT),
    "admin/principals/principal/<int:pk>/token/": form(TOKENS),
    **admin_pages("principals/group", history=VIEW, add=EDIT, delete=EDIT),
    "admin/principals/group/<int:pk>/add-member/": form(OWNER),
    **admin_pages("principals/identityprovider", history=VIEW, add=EDIT, change=EDIT, delete=EDIT),
    **admin_pages("principals/issuedtoken"),
    **admin_pages("grants/grant", history=VIEW, add=EDIT, change=EDIT, delete=EDIT),
    "admin/receipts/receipt/export/": {"GET": EXPORT},
    "admin/receipts/receipt/keys/": {"GET": EXPORT},
    **admin_pages("policy/change"),
    "admin/policy/change/<path:object_id>/rollback/": form(OWNER),
    **admin_pages("policy/signeddocument"),
    **admin_pages("policy/proposal"),
    "admin/policy/proposal/<path:object_id>/approve/": form(OWNER),
    "admin/policy/proposal/<path:object_id>/reject/": form(OWNER),
    "admin/policy/proposal/<path:object_id>/withdraw/": form((Right.PROPOSE,)),
    **admin_pages("incidents/killswitch", add=RAISE),
    "admin/incidents/killswitch/effect/": form(VIEW),
    "admin/incidents/killswitch/<path:object_id>/lower/": form(LOWER),
    "admin/incidents/killswitch/<path:object_id>/keep/": form(RAISE),
    **admin_pages("incidents/plannedkill", add=RAISE),
    "admin/incidents/plannedkill/<path:object_id>/cancel/": form(LOWER),
    **admin_pages("incidents/revokedprincipal", add=RAISE),
    "admin/incidents/revokedprincipal/<path:object_id>/restore/": form(LOWER),
    **admin_pages("incidents/revokedtoken", add=RAISE),
    **admin_pages("incidents/quarantine", add=RAISE),
    "admin/incidents/quarantine/<path:object_id>/end/": form(LOWER),
    **admin_pages("incidents/egressblock", add=RAISE),
    "admin/incidents/egressblock/<path:object_id>/end/": form(LOWER),
    **admin_pages("notices/notice"),
    **admin_pages("fleet/enforcer"),
    "admin/fleet/enforcer/add/": {"GET": FLEET},  # how to enrol one
    "admin/fleet/enforcer/<path:object_id>/word/": form(VIEW),
    "admin/fleet/enforcer/<path:object_id>/configuration/": form(VIEW),
    "admin/fleet/enforcer/<path:object_id>/decommission/": form(FLEET),
    **admin_pages("receipts/receipt", see=RECEIPTS),
    "admin/receipts/receipt/<path:object_id>/replay/": {"GET": RECEIPTS},
    **admin_pages("receipts/chain", see=RECEIPTS),
    **admin_pages("receipts/conflict", see=RECEIPTS),
    **admin_pages("credentials/vaultbackend", add=CREDENTIALS, change=CREDENTIALS, delete=CREDENTIALS, history=VIEW),
    **admin_pages("credentials/vaultreference", history=VIEW),
    **admin_pages("accounts/role"),
    **admin_pages("accounts/user", see=PEOPLE, add=PEOPLE),
    "admin/accounts/user/<path:object_id>/edit/": form(PEOPLE),
    "admin/accounts/user/<path:object_id>/link/": form(PEOPLE),
    **admin_pages("accounts/apitoken", see=PEOPLE, add=PEOPLE),
    "admin/accounts/apitoken/<path:object_id>/revoke/": form(PEOPLE),
}

# they lead to allauth's pages
DOORS = ("admin/login/", "admin/logout/")
# allauth's pages look after themselves: they are for whoever has an account, or wants to sign in.
ACCOUNTS = "accounts/"
# what Django's admin answers for addresses below it that are none of the above
ADMIN_REST = ("admin/(?P<url>.*)$", "admin/^(?P<app_label>", "admin/r/<path:content_type_id>/<path:object_id>/")


def items(path: str, one: str, needs: Needs = EDIT) -> dict[str, Rule]:
    """A section of the policy."""
    return {path: {"GET": VIEW, "POST": needs}, f"{path}/{one}": {"GET": VIEW, "PUT": needs, "DELETE": needs}}


API: dict[str, Rule] = {
    "schema/": {"GET": VIEW},
    "docs/": {"GET": VIEW},
    "trust-levels": {"GET": VIEW},
    "trust-levels/<str:name>": {"GET": VIEW, "PUT": EDIT},
    **items("identity-providers", "<path:issuer>"),
    **items("vault-backends", "<str:name>", CREDENTIALS),
    **items("groups", "<path:name>"),
    **items("principals", "<path:subject>"),
    **items("servers", "<str:id>"),
    **items("tools", "<str:server>/<path:name>"),
    **items("risk-patterns", "<str:where>/<path:pattern>"),
    "tool-states": {"GET": VIEW},
    "tool-reviews/approve": {"POST": OWNER},
    "tool-reviews/quarantine": {"POST": OWNER},
    "tool-reviews/end-quarantine": {"POST": OWNER},
    "tool-reviews/<str:server>/<path:name>": {"GET": VIEW},
    **items("grants", "<str:id>"),
    "principal-access/<path:subject>": {"GET": VIEW},
    "tool-access/<str:server>/<path:name>": {"GET": VIEW},
    "simulate": {"POST": VIEW},
    "tokens": {"GET": VIEW, "POST": TOKENS},
    "tokens/<str:jti>": {"GET": VIEW},
    "tokens/<str:jti>/revoke": {"POST": RAISE},
    "kill-switches": {"GET": VIEW},
    "kill-switches/raise": {"POST": RAISE},
    "kill-switches/lower": {"POST": LOWER},
    "kill-switches/keep": {"POST": RAISE},
    "kill-switches/<int:pk>": {"GET": VIEW},
    "revocations/principals": {"GET": VIEW, "POST": RAISE},
    "revocations/principals/restore": {"POST": LOWER},
    "revocations/tokens": {"GET": VIEW, "POST": RAISE},
    "kill-switches/planned": {"GET": VIEW, "POST": RAISE},
    "kill-switches/planned/<int:pk>/cancel": {"POST": LOWER},
    "quarantines": {"GET": VIEW, "POST": RAISE},
    "quarantines/end": {"POST": LOWER},
    "egress-blocks": {"GET": VIEW, "POST": RAISE},
    "egress-blocks/end": {"POST": LOWER},
    "notices": {"GET": VIEW},
    "policy": {"GET": VIEW, "POST": (Right.EDIT_POLICY, Right.EDIT_CREDENTIALS)},
    "proposals": {"GET": VIEW, "POST": (Right.PROPOSE,)},
    "proposals/<int:pk>": {"GET": VIEW},
    "proposals/<int:pk>/approve": {"POST": OWNER},
    "proposals/<int:pk>/reject": {"POST": OWNER},  # and whoever proposed it
    "changes": {"GET": VIEW},
    "changes/<int:pk>": {"GET": VIEW},
    "documents": {"GET": VIEW},
    "documents/<int:pk>/access": {"GET": VIEW},
    "documents/<int:pk>": {"GET": VIEW},
    "enforcers": {"GET": VIEW},
    "enforcers/<str:id>": {"GET": VIEW},
    "enforcers/<str:id>/decommission": {"POST": FLEET},
    "receipts": {"GET": RECEIPTS},
    "receipts/schema": {"GET": VIEW},
    "receipts/export": {"GET": EXPORT},
    "receipts/export/csv": {"GET": EXPORT},
    "receipts/<str:receipt_id>": {"GET": RECEIPTS},
    "receipts/<str:receipt_id>/replay": {"GET": RECEIPTS},
    "receipts/<str:receipt_id>/proof": {"GET": RECEIPTS},
    "checkpoints": {"GET": RECEIPTS},
    "users": {"GET": PEOPLE, "POST": PEOPLE},
    "users/<str:username>": {"GET": PEOPLE, "PUT": PEOPLE},
    "api-tokens": {"GET": PEOPLE, "POST": PEOPLE},
    "api-tokens/<str:key>": {"GET": PEOPLE},
    "api-tokens/<str:key>/revoke": {"POST": PEOPLE},
}
# only with a token signed by an enforcer's key, or with its one-time code; tests/controlplane/fleet/test_state.py,
# tests/controlplane/fleet/test_invitations.py
OF_ENFORCERS = ("api/v1/enforcer/state", "api/v1/enforcer/enrol")
# a word for anybody, more with the token for metrics; tests/controlplane/observability
OF_MONITORING = ("metrics", "readyz")
EVERYTHING_ELSE_IS_404 = ("^api/",)
# it asks the publisher for signatures, and there is none here; tests/controlplane/receipts/test_api.py
ASKS_THE_PUBLISHER = ("receipts/export",)
