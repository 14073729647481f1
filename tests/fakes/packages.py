"""Evidence packages of the sample organization, whose ledger is a real chain, and large organizations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from rootkeeper.evidence.rules import read_history
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.ledger.rules import (
    GENESIS_HASH,
    Action,
    Draft,
    LedgerEntry,
    LedgerVerification,
    Phase,
    Result,
    chain_entry,
)
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import Status, StatusReason
from rootkeeper.root_emails.rules import EmailRules, RootEmailEvaluator
from tests.fakes.evidence import (
    END,
    ENDPOINT,
    KEYS,
    MANAGEMENT,
    NOTHING,
    OPERATOR,
    ORGANIZATION_ID,
    PERIOD,
    START,
    make_account,
    make_facts,
    make_inventory,
    make_readings,
    make_report,
    make_status,
)

OTHER_ORGANIZATION_ID = "o-otherorgid00"
BEFORE, ENTRIES = 3, 12


def chain_entries(count: int = ENTRIES, note: str = "") -> tuple[LedgerEntry, ...]:
    """The first ``BEFORE`` entries are older than the period, and the last ones are newer; every fifth isn't ours."""
    entries: list[LedgerEntry] = []
    for sequence in range(1, count + 1):
        draft = Draft(
            at=START + timedelta(days=11 * (sequence - BEFORE) - 1),
            organization_id=OTHER_ORGANIZATION_ID if sequence % 5 == 0 else ORGANIZATION_ID,
            endpoint=ENDPOINT,
            actor=OPERATOR,
            action=Action.ACCOUNTS_AUDIT,
            account_id=None,
            # What the canonical form writes in its own way, and a field that is named like the hash.
            parameters={"entry_hash": "f" * 64, "é": 'x","\u202e', "seconds": 1e21, "note": note},
            phase=Phase.OUTCOME,
            owner_id="owner",
            result=Result.DONE,
        )
        entries.append(chain_entry(draft, sequence, entries[-1].entry_hash if entries else GENESIS_HASH))
    return tuple(entries)


def make_packed_report(
    entries: tuple[LedgerEntry, ...] | None = None, report: EvidenceReport | None = None
) -> EvidenceReport:
    """A report whose ledger is a chain; its period is that of the sample."""
    chain = chain_entries() if entries is None else entries
    report = make_report() if report is None else report
    read = read_history(chain, ORGANIZATION_ID, PERIOD)
    history = replace(
        report.history,
        entries=read.entries,
        first_sequence=read.first_sequence,
        other_organization_ids=read.other_organization_ids,
    )
    head = chain[-1]
    return replace(
        report,
        history=history,
        ledger=LedgerVerification(len(chain), head.sequence, head.entry_hash, None, None, None),
        extract=tuple(one for one in chain if one.sequence >= (read.first_sequence or head.sequence)),
    )


def unpack(package: bytes, folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    path.write_bytes(package)
    with ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def forge_manifest(folder: Path, changes: Mapping[str, Any] | None = None) -> None:
    """Give the manifest the hashes of the files as they are now, as a person does who covers up a change."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for one in manifest["files"]:
        content = (folder / one["name"]).read_bytes()
        one |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["ledger"] |= changes or {}
    path.write_text(json.dumps(manifest))


def make_large_report(count: int, *, failing: Iterable[int] = (), unknown: Iterable[int] = ()) -> EvidenceReport:
    """An organization with 400 units and ``count`` member accounts, of which those at these places aren't good."""
    failing, unknown = set(failing), set(unknown)
    accounts, statuses = [make_account(MANAGEMENT, "Management", ou_path="Root")], {}
    for place in range(count):
        unit = place % 400
        path = f"Root/Division {unit % 8}/Team {unit % 40:02}/Product {unit:03}"
        account = make_account(AccountId(f"{200_000_000_000 + place}"), f"製品 {place} Käse", ou_path=path)
        accounts.append(account)
        if place in failing:
            status = make_status(account, Status.PRESENT, KEYS)
        elif place in unknown:
            status = make_status(
                account,
                Status.UNKNOWN,
                reason=StatusReason.BLOCKED_BY_POLICY,
                detail="AWS denied iam:GetAccountSummary.",
            )
        else:
            status = make_status(account, Status.NOT_PRESENT, NOTHING)
        statuses[account.account_id] = status
    inventory = replace(make_inventory(tuple(accounts)), delegated_administrator_ids=frozenset())
    emails = RootEmailEvaluator(EmailRules(), {}, END).evaluate_all(inventory)
    facts = replace(make_facts(), inventory=inventory, statuses=statuses, emails=emails, windows=())
    return make_report(replace(facts, readings=make_readings(statuses)))
