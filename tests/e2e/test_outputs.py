"""What the program really writes fits the schemas that are published for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import jsonschema
import pytest

from tests.e2e.product import Rootkeeper, open_rootkeeper
from tests.e2e.stage import Stage
from tests.e2e.test_product_and_javascript import find_deletable_account
from tests.fakes.notification_servers import Receiver
from tests.functional.administration import Administration

pytestmark = [pytest.mark.xdist_group("outputs"), pytest.mark.timeout(900)]
"""What the sandbox went through is made once, for all tests of this file: some fifty runs of the program."""

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
LOCKING_ACCOUNT = "888899990000"
LOCKED_BUCKET = ("unlock", "s3", LOCKING_ACCOUNT, "amzn-s3-demo-orders-invoices")
LOCKED_QUEUE = ("unlock", "sqs", LOCKING_ACCOUNT, "orders-incoming", "--regions", "us-east-1")
"""What policies of the demo organization lock."""
CLEAN_ACCOUNTS = ("400050006000", "777788889999")
"""Without root user credentials in the demo organization."""
OF_SERVERS = {"membership"}
"""What only a server answers; ``tests/functional/through_server`` holds it to its schema."""
SCHEMAS = sorted({path.name.removesuffix(".schema.json") for path in REFERENCE.glob("*.schema.json")} - OF_SERVERS)


def read_schema(name: str) -> Any:
    return json.loads((REFERENCE / f"{name}.schema.json").read_text())


def list_required_fields(schema: Any) -> set[str]:
    """Of an output that has several shapes, those that all of them have."""
    shapes = [schema["$defs"][shape["$ref"].rpartition("/")[2]] for shape in schema.get("anyOf", ())] or [schema]
    return set.intersection(*(set(shape["required"]) for shape in shapes))


def require_fits(document: object, name: str) -> None:
    schema = read_schema(name)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
    assert problems == []


@pytest.fixture(scope="module")
def documents(stages: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Any]]]:
    """The whole job, every output kept under the name of its schema."""
    with stages("--scenario", "demo") as stage:
        rootkeeper = open_rootkeeper(stage, tmp_path_factory.mktemp("product"))
        yield live_the_job(stage, rootkeeper)


def live_the_job(stage: Stage, rootkeeper: Rootkeeper) -> dict[str, list[Any]]:
    kept: dict[str, list[Any]] = {name: [] for name in SCHEMAS}

    def keep(schema: str, *arguments: str) -> None:
        finished = rootkeeper.run(*arguments, "-o", "json")
        assert finished.exit_status in {0, 1}, f"{arguments}: {finished.stderr}"
        kept[schema].append(finished.document)

    delegate = stage.account_id("delegated-admin")
    target = find_deletable_account(stage)
    exempt = next(
        account["account_id"]
        for account in stage.find_accounts()
        if account["account_id"] not in {target, delegate, *stage.list_blocked_accounts()}
    )
    keep("doctor", "doctor")
    keep("status", "status")
    keep("setup-plan", "enable", "--delegated-administrator", delegate, "--dry-run")
    keep("setup-change", "enable", "--delegated-administrator", delegate, "--yes")
    keep("setup-change", "enable", "--yes")
    keep("status", "status")
    keep("status", "status", "--accept", "--yes")
    keep("audit", "audit")
    keep("audit", "audit", "--details")
    organization_id = kept["status"][-1]["organization_id"]
    (rootkeeper.folder / "several.toml").write_text(f'[organizations.shop]\nid = "{organization_id}"\n')
    keep("organizations", "--config", "several.toml", "organizations", "audit")
    keep("organizations", "--config", "several.toml", "organizations", "list")
    keep("organizations-summary", "--config", "several.toml", "organizations", "report", "packages")
    keep("organization-checks", "--config", "several.toml", "organizations", "check")
    keep("exceptions", "exceptions", "list")
    assert rootkeeper.run(
        *("exceptions", "add", exempt, "--owner", "Payments", "--reason", "Needed", "--until", "30d", "--yes")
    ).exit_status == 0  # fmt: skip
    keep("exceptions", "exceptions", "list")
    keep("preflight", "preflight")
    keep("plan", "delete", "--all", "--dry-run")
    keep("plan", "plan", "--all", "--out", "plan.json")
    kept["plan-file"].append(json.loads((rootkeeper.folder / "plan.json").read_text()))
    keep("deletion", "delete", target, "--yes")
    keep("deletion", "delete", target, "--yes")
    keep("deliveries", "report", "send", "--to", "file:evidence.json", "--yes")
    keep("jobs", "jobs", "list")
    for job in kept["jobs"][0]["jobs"]:
        keep("job", "jobs", "show", job["job_id"])
    keep("windows", "windows", "list")
    keep("window", "recover", target, "--reason", "A drill", "--for", "1h", "--leave-open", "--yes")
    keep("audit", "audit")
    keep("window", "windows", "show", target)
    keep("window", "windows", "close", target, "--yes")
    keep("windows", "windows", "list")
    keep("recoveries", "recover", *CLEAN_ACCOUNTS, "--reason", "A drill", "--for", "10s", "--yes")
    keep("database", "database", "check")
    keep("window-report", "windows", "report", target)
    with Receiver.start() as receiver:
        (rootkeeper.folder / "notifications.toml").write_text(make_target(rootkeeper.folder, receiver.port))
        keep("notification-test", "--config", "notifications.toml", "notifications", "test")
    keep("notification-deliveries", "notifications", "list")
    keep("emails", "emails", "list")
    keep("email-attestations", "emails", "attest", "aws@example.com", "--by", "Ana", "--until", "30d", "--yes")
    keep("failsafe", "failsafe", "check")
    keep("failsafe-set-up", "failsafe", "set-up", delegate, "--yes")
    drill = ("--by", "Ana", "--at", "2026-01-01", "--outcome", "passed", "--alarm", "seen", "--yes")
    keep("failsafe-drills", "failsafe", "record-drill", delegate, *drill)
    attestation = ("--claim", "kept", "--owner", "Ana", "--reason", "Emergency access", "--until", "30d", "--yes")
    keep("failsafe-attestations", "failsafe", "attest", delegate, *attestation)
    keep("failsafe-runbook", "failsafe", "runbook")
    keep("breakglass", "breakglass")
    Administration(stage.process).trust_account_management()
    change = ("emails", "change", target, find_email(stage, target), "--reason", "A drill", "--override", "--yes")
    keep("email-changes", *change)
    for locked in (LOCKED_BUCKET, LOCKED_QUEUE):
        keep("unlock-list", *locked[:3], *locked[4:])
        keep("unlock-policy", *locked)
        keep("unlock-change", *locked, "--remove", "--yes")
    keep("unlock-policy", *LOCKED_BUCKET)
    keep("unlock-change", *LOCKED_BUCKET, "--corrected", "--yes")
    events = json.dumps(stage.process.events(target))
    (rootkeeper.folder / "events.json").write_text(events)
    for words in (["roles"], ["roles", "--role", "set-up"], ["scp"], ["alarms"], ["alarms", "--judge", "events.json"]):
        keep("policies", "policies", *words)
    keep("history", "history", target)
    keep("diff", "diff")
    keep("audits", "diff", "--list")
    keep("token", "token", "create", "--role", "viewer", "--name", "dashboard")
    keep("identities", "token", "list")
    keep("user-link", "users", "invite", "anna", "--role", "viewer")
    keep("report", "report", "--from", "1d")
    for name, form in (("lines.jsonl", "findings-jsonl"), ("evidence.zip", "package")):
        written = rootkeeper.run("report", "--from", "1d", "--format", form, "--out", name, "--fail-on", "none")
        assert written.exit_status == 0, written.stderr
    lines = (rootkeeper.folder / "lines.jsonl").read_text().splitlines()
    kept["finding"] += [json.loads(line) for line in lines]
    with ZipFile(rootkeeper.folder / "evidence.zip") as package:
        kept["package-manifest"].append(json.loads(package.read("manifest.json")))
    keep("frameworks", "controls", "frameworks")
    keep("controls", "controls", "list", "--framework", "cis-7.0")
    keep("control", "controls", "show", "cis-7.0/2.4")
    statement = ("--owner", "Ana", "--reason", "drill", "--until", "30d", "--yes")
    keep("control-attestations", "controls", "attest", "cis-7.0/5.3", *statement)
    keep("ledger", "ledger", "list")
    keep("ledger-verification", "ledger", "verify")
    keep("adoption", "ledger", "adopt", "--yes")
    exported = rootkeeper.run("ledger", "list", "-o", "jsonl").stdout.splitlines()
    kept["ledger-entry"] = [json.loads(line) for line in exported]
    return kept


def make_target(folder: Path, port: int) -> str:
    """Settings with one notification target on this machine."""
    reference = folder / "chat.url"
    reference.touch(mode=0o600)
    reference.write_text(f"json://127.0.0.1:{port}/")
    return f'[notifications]\ntargets = ["chat info file:{reference}"]\nallowed_hosts = ["127.0.0.1:{port}"]\n'


def find_email(stage: Stage, account_id: str) -> str:
    return str(stage.process.accounts()[account_id]["email"])


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(read_schema(name))


@pytest.mark.parametrize("name", SCHEMAS)
def test_real_output_fits_its_schema(name: str, documents: dict[str, list[Any]]) -> None:
    assert documents[name], f"The job writes no {name}"
    for document in documents[name]:
        require_fits(document, name)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_document_that_lacks_a_field_does_not_fit(name: str, documents: dict[str, list[Any]]) -> None:
    for field in list_required_fields(read_schema(name)):
        lacking = {key: value for key, value in documents[name][-1].items() if key != field}
        with pytest.raises(AssertionError):
            require_fits(lacking, name)
