"""Writes the JSON Schema of each JSON output, from the records that the outputs are made of.

``make docs`` runs it, and a test compares what it would write with what is committed. A schema has no other source:
change the record in the module that it is imported from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rootkeeper.access.records import IdentitiesDocument, MembershipDocument, NewLinkAnswer, NewTokenAnswer
from rootkeeper.audit.records import AuditDocument
from rootkeeper.controls.records import (
    AssessedReportDocument,
    ControlAttestationsDocument,
    ControlDocument,
    ControlsDocument,
    FrameworksDocument,
)
from rootkeeper.deletion.records import DeletionDocument, JobDocument, PlanDocument, PlanRecord
from rootkeeper.delivery.records import DeliveriesDocument
from rootkeeper.doctor.rules import DoctorDocument, OrganizationChecksDocument
from rootkeeper.evidence.windows import WindowReportDocument
from rootkeeper.exceptions.rules import ExceptionsDocument
from rootkeeper.failsafe.records import (
    BreakglassDocument,
    FailsafeAttestationsDocument,
    FailsafeDocument,
    FailsafeDrillsDocument,
    FailsafeRunbookDocument,
    FailsafeSetUpDocument,
)
from rootkeeper.findings.records import FindingRecord
from rootkeeper.guardrails.records import PreflightRecord
from rootkeeper.history.records import AuditsDocument, DiffDocument, HistoryAnswer
from rootkeeper.jobs.records import JobsDocument
from rootkeeper.ledger.records import LedgerDocument, LedgerEntryRecord, LedgerVerificationDocument
from rootkeeper.maintenance.rules import DatabaseDocument
from rootkeeper.notifications.records import NotificationDeliveriesDocument, NotificationTestDocument
from rootkeeper.organizations.rules import OrganizationsDocument
from rootkeeper.organizations.summaries import OrganizationsSummaryDocument
from rootkeeper.reports.package import PackageManifest
from rootkeeper.root_emails.records import EmailAttestationsDocument, EmailChangesDocument, EmailsDocument
from rootkeeper.server.documents import RecordJsonSchema
from rootkeeper.settlement.records import AdoptionDocument
from rootkeeper.setup.records import SetupChangeDocument, SetupPlanDocument, StatusDocument
from rootkeeper.shipped_policies.records import AlarmsDocument, GuardrailsDocument, RolesDocument
from rootkeeper.unlock.records import BucketListing, ChangedPolicyRecord, QueueListing, ShownPolicyRecord
from rootkeeper.watching.service import JudgedEventsDocument
from rootkeeper.windows.records import RecoveriesDocument, WindowDocument, WindowsDocument

REFERENCE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Output:
    """One JSON output and the record that it is."""

    name: str
    record: Any
    title: str
    description: str


OUTPUTS = (
    Output("adoption", AdoptionDocument, "Adoption of a restored database", "`rootkeeper ledger adopt -o json`."),
    Output(
        "audit", AuditDocument, "Audit", "`rootkeeper audit -o json`. With `-o jsonl` each line is one of `accounts`."
    ),
    Output(
        "audits",
        AuditsDocument,
        "Audits that are kept",
        "`rootkeeper diff --list -o json`. With `-o jsonl` each line is one of `audits`.",
    ),
    Output(
        "breakglass",
        BreakglassDocument,
        "Who can open root, and the ways in without Identity Center",
        "`rootkeeper breakglass -o json`.",
    ),
    Output("control", ControlDocument, "Control", "`rootkeeper controls show -o json`."),
    Output(
        "control-attestations",
        ControlAttestationsDocument,
        "An attestation of a control, recorded",
        "`rootkeeper controls attest -o json`.",
    ),
    Output(
        "controls",
        ControlsDocument,
        "Controls",
        "`rootkeeper controls list -o json`. With `-o jsonl` each line is one of `controls`.",
    ),
    Output("database", DatabaseDocument, "Check of the database", "`rootkeeper database check -o json`."),
    Output(
        "deletion",
        DeletionDocument,
        "Result of a deletion",
        "`rootkeeper delete -o json`, `rootkeeper apply -o json` and, for a deletion, `jobs resume -o json`.",
    ),
    Output("deliveries", DeliveriesDocument, "Sent reports", "`rootkeeper report send -o json`."),
    Output(
        "diff",
        DiffDocument,
        "What changed between two audits",
        "`rootkeeper diff -o json`. With `-o jsonl` each line is one of `accounts`.",
    ),
    Output("doctor", DoctorDocument, "Checks of this machine", "`rootkeeper doctor -o json`."),
    Output(
        "email-attestations",
        EmailAttestationsDocument,
        "Attestations of root e-mail addresses",
        "`rootkeeper emails attest -o json`.",
    ),
    Output(
        "email-changes",
        EmailChangesDocument,
        "Result of a change of a root e-mail address",
        "`rootkeeper emails change -o json`.",
    ),
    Output("emails", EmailsDocument, "Root e-mail addresses", "`rootkeeper emails list -o json`."),
    Output("exceptions", ExceptionsDocument, "Exceptions from deletion", "`rootkeeper exceptions list -o json`."),
    Output(
        "failsafe",
        FailsafeDocument,
        "Checks of the failsafe",
        "`rootkeeper failsafe check -o json`.",
    ),
    Output(
        "failsafe-attestations",
        FailsafeAttestationsDocument,
        "An attestation, recorded",
        "`rootkeeper failsafe attest -o json`.",
    ),
    Output(
        "failsafe-drills",
        FailsafeDrillsDocument,
        "A drill, recorded",
        "`rootkeeper failsafe record-drill -o json`.",
    ),
    Output(
        "failsafe-runbook", FailsafeRunbookDocument, "The failsafe's runbook", "`rootkeeper failsafe runbook -o json`."
    ),
    Output(
        "failsafe-set-up",
        FailsafeSetUpDocument,
        "A failsafe's root login, set up",
        "`rootkeeper failsafe set-up -o json`.",
    ),
    Output("frameworks", FrameworksDocument, "Frameworks of controls", "`rootkeeper controls frameworks -o json`."),
    Output(
        "finding",
        FindingRecord,
        "Finding",
        "One line of `-o findings-jsonl`, and of `rootkeeper report --format findings-jsonl`.",
    ),
    Output(
        "history",
        HistoryAnswer,
        "An account's past",
        "`rootkeeper history ACCOUNT -o json`. With `-o jsonl` each line is one of `entries`.",
    ),
    Output(
        "identities",
        IdentitiesDocument,
        "Users and API tokens",
        "`rootkeeper users` and `rootkeeper token list` with `-o json`; also `rootkeeper token revoke`.",
    ),
    Output("job", JobDocument, "Job", "`rootkeeper jobs show -o json` and `jobs cancel`."),
    Output("jobs", JobsDocument, "Jobs", "`rootkeeper jobs list -o json`."),
    Output("ledger", LedgerDocument, "Ledger entries", "`rootkeeper ledger list -o json`."),
    Output(
        "ledger-entry",
        LedgerEntryRecord,
        "Ledger entry",
        "One line of `rootkeeper ledger list -o jsonl`, of `rootkeeper ledger export` and of the mirror.",
    ),
    Output(
        "ledger-verification",
        LedgerVerificationDocument,
        "Verdict on the ledger",
        "`rootkeeper ledger verify -o json`.",
    ),
    Output(
        "membership",
        MembershipDocument,
        "Your identity on a server",
        "`rootkeeper status --server URL -o json`, and `rootkeeper login`.",
    ),
    Output(
        "notification-deliveries",
        NotificationDeliveriesDocument,
        "Deliveries of notifications",
        "`rootkeeper notifications list -o json`.",
    ),
    Output(
        "notification-test",
        NotificationTestDocument,
        "Tests of notification targets",
        "`rootkeeper notifications test -o json`.",
    ),
    Output(
        "organization-checks",
        OrganizationChecksDocument,
        "Checks of each organization",
        "`rootkeeper organizations check -o json`. With `-o jsonl` each line is one of `checks`.",
    ),
    Output(
        "organizations",
        OrganizationsDocument,
        "Organizations of the settings file",
        "`rootkeeper organizations list`, `show` and `audit` with `-o json`. With `-o jsonl` each line is one of "
        "`organizations`.",
    ),
    Output(
        "organizations-summary",
        OrganizationsSummaryDocument,
        "Evidence packages of all organizations, and their numbers",
        "`rootkeeper organizations report -o json`, and `summary.json` in its folder.",
    ),
    Output(
        "package-manifest",
        PackageManifest,
        "Manifest of an evidence package",
        "`manifest.json` in the ZIP that `rootkeeper report --format package` writes.",
    ),
    Output(
        "plan",
        PlanDocument,
        "What a deletion will do",
        "`rootkeeper plan -o json`, and `delete` and `apply` with `--dry-run -o json`.",
    ),
    Output(
        "plan-file",
        PlanRecord,
        "Plan file",
        "What `rootkeeper plan --out FILE` writes and `rootkeeper apply FILE` reads.",
    ),
    Output(
        "policies",
        RolesDocument | GuardrailsDocument | AlarmsDocument | JudgedEventsDocument,
        "Policies and alarms",
        "`rootkeeper policies roles`, `scp` and `alarms` with `-o json`; with `--judge` the list is `events`.",
    ),
    Output(
        "preflight",
        PreflightRecord,
        "Preflight",
        "`rootkeeper preflight -o json`. With `-o jsonl` each line is one of `rows`.",
    ),
    Output(
        "recoveries",
        RecoveriesDocument,
        "Recovery windows of several accounts",
        "`rootkeeper recover -o json` for several accounts. With `-o jsonl` each line is one of `windows`.",
    ),
    Output("report", AssessedReportDocument, "Evidence", "`rootkeeper report --format json`."),
    Output(
        "setup-change",
        SetupChangeDocument,
        "Result of a change of the set-up",
        "`rootkeeper enable -o json` and `rootkeeper disable -o json`.",
    ),
    Output(
        "setup-plan",
        SetupPlanDocument,
        "What a change of the set-up will do",
        "`rootkeeper enable` and `disable` with `--dry-run -o json`.",
    ),
    Output("status", StatusDocument, "Set-up", "`rootkeeper status -o json`."),
    Output("token", NewTokenAnswer, "A new API token", "`rootkeeper token create -o json`."),
    Output(
        "unlock-change",
        ChangedPolicyRecord,
        "Change of the policy of a bucket or queue",
        "`rootkeeper unlock s3` and `unlock sqs` with `--remove`, `--corrected`, `--replace` or `--restore`.",
    ),
    Output(
        "user-link",
        NewLinkAnswer,
        "A user's new link",
        "`rootkeeper users invite -o json` and `rootkeeper users reset -o json`.",
    ),
    Output(
        "unlock-list",
        BucketListing | QueueListing,
        "Buckets or queues of an account",
        "`rootkeeper unlock s3 ACCOUNT -o json` and `rootkeeper unlock sqs ACCOUNT -o json`.",
    ),
    Output(
        "unlock-policy",
        ShownPolicyRecord,
        "Policy of a bucket or queue",
        "`rootkeeper unlock s3 ACCOUNT BUCKET -o json` and `rootkeeper unlock sqs ACCOUNT QUEUE -o json`.",
    ),
    Output(
        "window",
        WindowDocument,
        "Recovery window",
        "`rootkeeper windows show -o json`, `windows close`, and `recover` for one account.",
    ),
    Output(
        "window-report",
        WindowReportDocument,
        "Report of a recovery window or drill",
        "`rootkeeper windows report -o json`.",
    ),
    Output(
        "windows",
        WindowsDocument,
        "Recovery windows",
        "`rootkeeper windows list -o json`. With `-o jsonl` each line is one of `windows`.",
    ),
)


def main_program() -> None:
    for name, text in render_schemas().items():
        (REFERENCE / name).write_text(text)
        print(f"docs/reference/{name}")


def render_schemas() -> dict[str, str]:
    """Every schema by its file name."""
    return {
        f"{output.name}.schema.json": json.dumps(describe_output(output), indent=2, ensure_ascii=False) + "\n"
        for output in OUTPUTS
    }


def describe_output(output: Output) -> dict[str, Any]:
    """One output as a JSON Schema."""
    schema = TypeAdapter(output.record).json_schema(mode="serialization", schema_generator=RecordJsonSchema)
    definitions = schema.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:rootkeeper:schema:{output.name}:1",
        **schema,
        "title": output.title,
        "description": output.description,
        "$defs": definitions,
    }


if __name__ == "__main__":
    main_program()
