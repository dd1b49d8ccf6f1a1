"""Writes the golden vectors. Only for a new schema number: a changed vector is a broken contract."""

import base64
import json
from pathlib import Path

from enforcer.contract.checkpoint import Checkpoint, Stretch, root_over
from enforcer.contract.documents import Document, signed, write
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import (
    Ack,
    Batch,
    ChainHead,
    Heartbeat,
    KeyList,
    Lease,
    ListedKey,
    ServerState,
    payload_hash,
)
from enforcer.contract.incident import Incident, KillSwitch, RevokedPrincipal
from enforcer.contract.keys import Role, SigningKey
from enforcer.contract.levels import Risk, TrustLevel
from enforcer.contract.receipt import GENESIS_PARENT, chain_head, seal_receipt
from enforcer.contract.snapshot import (
    Credential,
    GrantPolicy,
    IdentityProvider,
    PrincipalPolicy,
    Sandbox,
    ServerPolicy,
    Snapshot,
    ToolPolicy,
    TrustPolicy,
)
from enforcer.contract.strict_json import JsonObject

AT = "2026-11-23T20:00:00.000Z"


def key(role: str) -> SigningKey:
    """A key anybody can make again: its seed is the role's name, padded."""
    return SigningKey(role.encode().ljust(32, b"."))


def a_snapshot() -> Snapshot:
    """One of everything."""
    return Snapshot(
        schema=1,
        generation=1,
        issued_at=AT,
        server_id="files",
        version=7,
        expires_at="2026-12-23T20:00:00.000Z",
        trust=TrustPolicy(
            name=TrustLevel.INTERNAL, ceiling=Risk.HIGH, pins="required", stale_high_s=60, stale_all_s=900
        ),
        server=ServerPolicy(
            id="files",
            title="File server",
            credential=Credential(mode="none"),
            sandbox=Sandbox(fs="workspace_only", net="block_all"),
            workspace="/srv/files",
            egress=("api.example.com",),
        ),
        token_keys=(key("token").public.text,),
        tools=(
            ToolPolicy(
                name="fs_read",
                risk=Risk.MEDIUM,
                state="reviewed",
                input_schema={"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
                declared=True,
                path_arguments=("/path",),
                url_arguments=(),
            ),
        ),
        principals=(
            PrincipalPolicy(
                subject="alice", issuer="drawbridge", actor_type="user", groups=("finance",), grants=("g1", "g2")
            ),
        ),
        grants=(
            GrantPolicy(id="g1", effect="allow", tools=("fs_*",), max_risk=Risk.HIGH, rate="10/minute"),
            GrantPolicy(
                id="g2",
                effect="deny",
                tools=("fs_read",),
                constraint={"properties": {"path": {"pattern": "^secrets/"}}},
                not_after="2027-01-01T00:00:00.000Z",
            ),
        ),
        identity_providers=(
            IdentityProvider(
                issuer="https://idp.example", audience="drawbridge", algorithms=("EdDSA",), jwks={"keys": []}
            ),
        ),
    )


def documents() -> dict[str, tuple[PayloadType, Document, SigningKey]]:
    """Name → type, document, signer."""
    snapshot = a_snapshot()
    incident = Incident(
        schema=1,
        generation=1,
        issued_at=AT,
        server_id="files",
        epoch=3,
        kill_switches=(KillSwitch(id="k1", target="tool:files/fs_delete", message="being looked into"),),
        revoked_principals=(RevokedPrincipal(subject="mallory", issuer="drawbridge"),),
        revoked_tokens=("jti-1",),
        quarantined=("session:s-1",),
    )
    line, receipt_hash = first_receipt()
    head = ChainHead(chain_id="c-1", sequence=1, receipt_hash=receipt_hash)
    listed = tuple(ListedKey(role=role, public=key(role).public.text) for role in Role if role != Role.ROOT)
    return {
        "keys": (PayloadType.KEYS, KeyList(schema=1, generation=1, issued_at=AT, version=1, keys=listed), key("root")),
        "snapshot": (PayloadType.SNAPSHOT, snapshot, key("policy")),
        "incident": (PayloadType.INCIDENT, incident, key("incident")),
        "lease": (
            PayloadType.LEASE,
            Lease(
                schema=1,
                generation=1,
                issued_at=AT,
                server_id="files",
                counter=41,
                snapshot_version=7,
                snapshot_hash=payload_hash(write(snapshot)),
                incident_epoch=3,
                incident_hash=payload_hash(write(incident)),
                nonce="n-1",
            ),
            key("lease"),
        ),
        "ack": (
            PayloadType.ACK,
            Ack(schema=1, generation=1, issued_at=AT, enforcer_id="probe", chains=(head,)),
            key("ack"),
        ),
        "heartbeat": (
            PayloadType.HEARTBEAT,
            Heartbeat(
                schema=1,
                generation=1,
                issued_at=AT,
                enforcer_id="probe",
                boot_nonce="b-1",
                counter=5,
                servers={
                    "files": ServerState(
                        snapshot_version=7,
                        incident_epoch=3,
                        in_flight_matching=0,
                        lease_age_s=0.5,
                        snapshot_hash=payload_hash(write(snapshot)),
                        incident_hash=payload_hash(write(incident)),
                    )
                },
                journal_depth=2,
            ),
            key("probe"),
        ),
        "batch": (
            PayloadType.BATCH,
            Batch(
                schema=1,
                generation=1,
                issued_at=AT,
                enforcer_id="probe",
                chain_id="c-1",
                receipts=(line.decode(),),
            ),
            key("probe"),
        ),
        "checkpoint": (
            PayloadType.CHECKPOINT,
            Checkpoint(
                schema=1,
                generation=1,
                issued_at=AT,
                number=1,
                previous=GENESIS_PARENT,
                size=1,
                root=root_over([receipt_hash]),
                stretches=(Stretch(enforcer_id="probe", chain_id="c-1", first=1, last=1, receipt_hash=receipt_hash),),
            ),
            key("checkpoint"),
        ),
    }


def first_receipt() -> tuple[bytes, str]:
    """The first receipt of a chain: its line and hash."""
    receipt: JsonObject = {
        "receipt_id": "r-1",
        "receipt_type": "csp.tool_safety.refusal.v1",
        "csp_profile": "tool_safety",
        "csp_version": "1.0.0-rc1",
        "ts": AT,
        "enforcer_id": "probe",
        "decision": {"result": "deny", "reason_codes": ["DENY_NO_MATCHING_RULE"]},
        "facts": {"lease_age_s": 0.25, "text": "ü\u20ac\U0001f600"},
    }
    return seal_receipt(receipt, chain_id="c-1", sequence=1, parent_hash=GENESIS_PARENT)


def main() -> None:
    """Write both files beside this one."""
    here = Path(__file__).parent
    made = {
        name: {
            "payload_type": kind,
            "payload": base64.b64encode(write(document)).decode(),
            "payload_hash": payload_hash(write(document)),
            "signer": signer.public.text,
            "envelope": json.loads(signed(document, kind, signer)),
        }
        for name, (kind, document, signer) in documents().items()
    }
    (here / "documents.json").write_text(json.dumps(made, indent=1) + "\n")
    line, receipt_hash = first_receipt()
    head = chain_head("probe", "c-1", 1, receipt_hash, key("checkpoint"))
    lines = {"receipt": line.decode(), "head": head.decode(), "checkpoint_key": key("checkpoint").public.text}
    (here / "export.json").write_text(json.dumps(lines, indent=1) + "\n")


if __name__ == "__main__":
    main()
