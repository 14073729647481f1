"""``rootkeeper organizations`` and ``--organization``, with two sandboxes as two organizations of one settings file."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from rootkeeper.values import json_time
from tests.functional.running import Program, Runner, open_program
from tests.sandbox_process import SandboxProcess

ACCOUNTS = 6
BOTH = ("shop", "bank")


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, SandboxProcess]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                SandboxProcess.start("--accounts", str(ACCOUNTS), "--seed", str(seed), "--features", "all")
            )
            for seed, name in enumerate(BOTH, start=1)
        }


@pytest.fixture
def program(sandboxes: dict[str, SandboxProcess], tmp_path: Path, runner: Runner) -> Program:
    """A user with a profile for each of two organizations, and no other credentials."""
    text = ""
    for name, sandbox in sandboxes.items():
        sandbox.reset()
        found = sandbox.environment()
        text += (
            f"[profile {name}]\nendpoint_url = {sandbox.base_url}\nregion = us-east-1\n"
            f"aws_access_key_id = {found['AWS_ACCESS_KEY_ID']}\n"
            f"aws_secret_access_key = {found['AWS_SECRET_ACCESS_KEY']}\n"
        )
    (tmp_path / "aws").write_text(text, encoding="utf-8")
    made = open_program(sandboxes["shop"], tmp_path, runner)
    environment = {name: value for name, value in made.environment.items() if not name.startswith("AWS_")}
    own = {"AWS_CONFIG_FILE": str(tmp_path / "aws"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return replace(made, environment=environment | own)


@pytest.fixture
def two(program: Program) -> Program:
    """The same with both organizations in the settings file."""
    for name in BOTH:
        run = program.run("organizations", "add", name, "--profile", name, "--yes")
        assert run.status == 0, run.shown
    return program


def file_of(program: Program) -> Path:
    return Path(program.environment["XDG_CONFIG_HOME"]) / "rootkeeper" / "settings.toml"


def folder_of(program: Program, name: str) -> Path:
    return (
        Path(program.environment["ROOTKEEPER_DATABASE_URL"].removeprefix("sqlite:///")).parent / "organizations" / name
    )


def organization_of(sandbox: SandboxProcess) -> str:
    found: str = sandbox.organization()["organization_id"]
    return found


def test_an_added_organization_is_checked_first_and_makes_no_change_in_aws(
    program: Program, sandboxes: dict[str, SandboxProcess]
) -> None:
    run = program.run("organizations", "add", "shop", "--profile", "shop", "--region", "eu-west-1", "--yes")
    assert run.status == 0, run.shown
    assert f"Organization {organization_of(sandboxes['shop'])}" in run.stderr
    assert "Missing: A delegated administrator" in run.stderr
    assert sandboxes["shop"].operations(mutating=True) == []
    text = file_of(program).read_text(encoding="utf-8")
    assert f'id = "{organization_of(sandboxes["shop"])}"' in text
    assert 'profile = "shop"\nregion = "eu-west-1"' in text
    assert sandboxes["shop"].principals()["management-admin"].secret_access_key not in text


def test_a_dry_run_and_a_missing_confirmation_write_no_file(program: Program) -> None:
    assert program.run("organizations", "add", "shop", "--profile", "shop", "--dry-run").status == 0
    run = program.run("organizations", "add", "shop", "--profile", "shop")
    assert (run.status, "Add --yes" in run.stderr) == (2, True), run.shown
    assert not file_of(program).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("shop", "--profile", "bank"), "has an organization 'shop' already"),
        (("other", "--profile", "shop"), "is organization 'shop' of"),
        (("Other", "--profile", "bank"), "can't be the name"),
        (("other", "--profile", "missing"), "missing"),
    ],
)
def test_what_is_there_already_or_can_t_be_used_is_refused(
    program: Program, arguments: tuple[str, ...], words: str
) -> None:
    assert program.run("organizations", "add", "shop", "--profile", "shop", "--yes").status == 0
    before = file_of(program).read_bytes()
    run = program.run("organizations", "add", *arguments, "--yes")
    assert (run.status, words in run.stderr) == (2, True), run.shown
    assert file_of(program).read_bytes() == before


def test_a_member_account_that_administers_nothing_is_refused(
    program: Program, sandboxes: dict[str, SandboxProcess]
) -> None:
    member = sandboxes["shop"].principals()["member-admin"]
    run = program.run(
        "organizations",
        "add",
        "shop",
        "--yes",
        AWS_ACCESS_KEY_ID=member.access_key_id,
        AWS_SECRET_ACCESS_KEY=member.secret_access_key,
        AWS_ENDPOINT_URL=sandboxes["shop"].base_url,
    )
    assert (run.status, "isn't the management account" in run.stderr) == (2, True), run.shown
    assert not file_of(program).exists()


def test_several_organizations_and_none_named_is_an_error_that_lists_them(two: Program) -> None:
    run = two.run("audit")
    assert (run.status, "shop, bank" in run.stderr, "--organization NAME" in run.stderr) == (2, True, True), run.shown
    assert two.run("audit", "--organization", "other").status == 2


def test_the_only_organization_needs_no_name(program: Program, sandboxes: dict[str, SandboxProcess]) -> None:
    assert program.run("organizations", "add", "bank", "--profile", "bank", "--yes").status == 0
    assert organization_of(sandboxes["bank"]) in program.run("status").stdout


def test_each_audit_reads_one_organization_and_writes_one_database(
    two: Program, sandboxes: dict[str, SandboxProcess]
) -> None:
    seen = sandboxes["bank"].last_request()
    run = two.run("audit", "--organization", "shop", "--fail-on", "none")
    assert run.status == 0, run.shown
    assert organization_of(sandboxes["shop"]) in run.stdout
    assert sandboxes["bank"].last_request() == seen
    assert (folder_of(two, "shop") / "rootkeeper.db").is_file()
    assert not folder_of(two, "bank").exists()
    organization_id = organization_of(sandboxes["shop"])
    by_id = two.run("report", "--from", "90d", "--format", "markdown", ROOTKEEPER_ORGANIZATION=organization_id)
    assert organization_id in by_id.stdout, by_id.shown


def test_p21_credentials_of_another_organization_change_nothing(
    two: Program, sandboxes: dict[str, SandboxProcess]
) -> None:
    """The person names one organization and uses the credentials of another."""
    assert two.run("audit", "--organization", "shop", "--fail-on", "none").status == 0
    bank = sandboxes["bank"]
    seen = bank.last_request()
    for command in (("delete", "--all", "--yes"), ("audit",), ("enable", "--yes"), ("status",)):
        run = two.run(*command, "--organization", "shop", "--profile", "bank")
        assert (run.status, "belong to organization" in run.stderr) == (3, True), run.shown
    operations = {one["operation"] for one in bank.requests(seen)}
    assert operations == {"GetCallerIdentity", "DescribeOrganization"}


def test_p21_the_database_of_another_organization_is_refused(
    two: Program, sandboxes: dict[str, SandboxProcess]
) -> None:
    """A name is given to another organization, while its old database is still there."""
    assert two.run("audit", "--organization", "bank", "--fail-on", "none").status == 0
    for name in BOTH:
        assert two.run("organizations", "remove", name, "--yes").status == 0
    run = two.run("organizations", "add", "bank", "--profile", "shop", "--yes")
    assert (run.status, organization_of(sandboxes["bank"]) in run.stderr) == (3, True), run.shown
    assert "bank" not in file_of(two).read_text(encoding="utf-8")


def test_the_list_has_the_numbers_of_each_and_names_no_account(
    two: Program, sandboxes: dict[str, SandboxProcess]
) -> None:
    assert two.run("audit", "--organization", "shop", "--fail-on", "none").status == 0
    seen = sandboxes["shop"].last_request()
    run = two.run("organizations", "list", "-o", "json")
    assert run.status == 1, run.shown
    bank, shop = run.json["organizations"]
    assert (shop["name"], shop["organization_id"]) == ("shop", organization_of(sandboxes["shop"]))
    audit = two.run("audit", "--organization", "shop", "-o", "json").json
    assert shop["numbers"]["accounts"] == ACCOUNTS
    assert shop["numbers"]["root_logins_left"] == audit["root_logins_left_to_secure"]["known"] > 0
    assert shop["numbers"]["last_complete_audit_at"] is not None
    assert (bank["numbers"], bank["problem"]) == (None, "It was never audited.")
    assert sandboxes["shop"].requests(seen)[0]["operation"] == "GetCallerIdentity"  # of the audit, not of the list
    for account in sandboxes["shop"].organization()["accounts"]:
        assert account["account_id"] not in run.stdout
        assert account["name"] not in run.stdout
    table = two.run("organizations", "list")
    assert "It was never audited." in table.stdout
    assert "unknown" in table.stdout


def test_the_list_counts_failing_controls_as_controls_list_does_and_sorts(two: Program) -> None:
    assert two.run("audit", "--organization", "shop", "--fail-on", "none").status == 0
    controls = two.run(
        "controls", "list", "--framework", "cis-7.0", "--from", "30d", "--organization", "shop", "-o", "json"
    ).json
    verdicts = [control["verdict"] for control in controls["controls"]]
    run = two.run("organizations", "list", "--sort", "name", "-o", "json")
    bank, shop = run.json["organizations"]
    assert (bank["name"], shop["name"]) == ("bank", "shop")
    assert shop["numbers"]["failing_controls"] == verdicts.count("fail") > 0
    assert shop["numbers"]["unknown_controls"] == verdicts.count("unknown")
    assert (shop["numbers"]["trend"], shop["numbers"]["compared_at"]) == (None, None)
    for order in ("left", "trend"):
        rows = two.run("organizations", "list", "--sort", order, "-o", "csv").stdout.splitlines()
        assert [row.partition(",")[0] for row in rows[1:]] == ["bank", "shop"]
    assert two.run("organizations", "list", "--sort", "size").status == 2


def test_the_trend_is_against_the_audit_of_a_month_ago(two: Program) -> None:
    assert two.run("audit", "--organization", "shop", "--fail-on", "none").status == 0
    then = json_time(datetime.now(UTC) - timedelta(days=31))
    with closing(sqlite3.connect(folder_of(two, "shop") / "rootkeeper.db")) as connection, connection:
        connection.execute("UPDATE audits SET left_known = left_known + 2, ended_at = ?", (then,))
    (_, shop) = two.run("organizations", "list", "-o", "json").json["organizations"]
    assert shop["numbers"]["trend"] == -2
    assert f"since {then[:10]}" in two.run("organizations", "show", "shop").stdout


def test_one_that_can_t_be_read_is_unknown_and_hides_no_other(two: Program) -> None:
    assert two.run("organizations", "audit", "--fail-on", "none").status == 0
    (folder_of(two, "bank") / "rootkeeper.db").write_bytes(b"no database" * 1000)
    run = two.run("organizations", "list", "-o", "json", "--fail-on", "unknown")
    assert run.status == 1, run.shown
    bank, shop = run.json["organizations"]
    assert shop["numbers"]["accounts"] == ACCOUNTS
    assert bank["numbers"] is None
    assert "rootkeeper.db" in bank["problem"]


def test_an_audit_of_all_reads_each_with_its_own_credentials(
    two: Program, sandboxes: dict[str, SandboxProcess]
) -> None:
    run = two.run("organizations", "audit", "-o", "json")
    assert run.status == 1, run.shown
    found = {organization["name"]: organization for organization in run.json["organizations"]}
    assert found.keys() == set(BOTH)
    for name, organization in found.items():
        assert organization["problem"] is None
        assert organization["numbers"]["accounts"] == ACCOUNTS
        ids = two.run("ledger", "list", "--organization", name, "-o", "json").json["entries"]
        assert {entry["organization_id"] for entry in ids} == {organization_of(sandboxes[name])}


def test_an_organization_that_hangs_keeps_no_other_from_its_audit(
    two: Program, sandboxes: dict[str, SandboxProcess]
) -> None:
    limits = {"ROOTKEEPER_AWS_READ_TIMEOUT_SECONDS": "1", "ROOTKEEPER_AWS_CALL_TIMEOUT_SECONDS": "1"}
    sandboxes["bank"].process.send_signal(signal.SIGSTOP)
    try:
        run = two.run("organizations", "audit", "-o", "json", "--fail-on", "unread", **limits)
    finally:
        sandboxes["bank"].process.send_signal(signal.SIGCONT)
    assert run.status == 5, run.shown
    bank, shop = run.json["organizations"]
    assert (shop["problem"], shop["numbers"]["accounts"]) == (None, ACCOUNTS)
    assert bank["problem"].startswith("The audit failed: ")
    assert bank["numbers"] is None


def test_the_check_has_every_check_of_each(two: Program) -> None:
    run = two.run("organizations", "check")
    assert (run.status, "No check found a problem." in run.stderr) == (0, True), run.shown
    found = two.run("organizations", "check", "bank", "-o", "json").json["checks"]
    assert {check["organization"] for check in found} == {"bank"}
    assert {"credentials", "organization", "permissions", "database"} <= {check["name"] for check in found}
    wrong = file_of(two).read_text(encoding="utf-8").replace('profile = "bank"', 'profile = "shop"')
    file_of(two).write_text(wrong, encoding="utf-8")
    run = two.run("organizations", "check")
    assert (run.status, "belong to organization" in run.stdout) == (1, True), run.shown


def test_show_names_what_is_its_own(two: Program) -> None:
    with file_of(two).open("a", encoding="utf-8") as file:
        file.write("\n[organizations.bank.windows]\napprovals = 2\n")
    run = two.run("organizations", "show", "bank", "--fail-on", "none")
    assert run.status == 0, run.shown
    assert "aws.profile, windows.approvals" in run.stdout
    assert two.run("organizations", "show", "other").status == 2


def test_an_organization_with_an_open_window_isn_t_removed(two: Program, sandboxes: dict[str, SandboxProcess]) -> None:
    account = next(
        one["account_id"]
        for one in sandboxes["shop"].organization()["accounts"]
        if one["state"] == "ACTIVE" and one["account_id"] != sandboxes["shop"].organization()["management_account_id"]
    )
    sandboxes["shop"].put_root_user(account, {})
    opened = two.run(
        "recover", account, "--organization", "shop", "--reason", "a test", "--for", "1h", "--leave-open", "--yes"
    )
    assert opened.status == 0, opened.shown
    run = two.run("organizations", "remove", "shop", "--yes")
    assert (run.status, account in run.stderr) == (2, True), run.shown
    assert "windows close" in run.stderr
    listed = two.run("organizations", "list", "--sort", "name", "-o", "json").json["organizations"][1]
    assert listed["numbers"]["open_windows"] == 1
    assert two.run("windows", "close", account, "--organization", "shop", "--yes").status == 0
    assert two.run("organizations", "remove", "shop", "--yes").status == 0
    assert (folder_of(two, "shop") / "rootkeeper.db").is_file()
    assert "shop" not in file_of(two).read_text(encoding="utf-8")


def test_an_organization_whose_database_can_t_be_read_isn_t_removed(two: Program) -> None:
    assert two.run("audit", "--organization", "bank", "--fail-on", "none").status == 0
    (folder_of(two, "bank") / "rootkeeper.db").write_bytes(b"no database" * 1000)
    run = two.run("organizations", "remove", "bank", "--yes")
    assert run.status == 3, run.shown
    assert "bank" in file_of(two).read_text(encoding="utf-8")


def test_p21_the_canaries_of_one_are_in_nothing_of_the_other(
    two: Program, sandboxes: dict[str, SandboxProcess]
) -> None:
    """Ids and names of one organization's accounts, in every file and every answer of the other."""
    assert two.run("organizations", "audit", "--fail-on", "none").status == 0
    canaries = [account["account_id"] for account in sandboxes["shop"].organization()["accounts"]]
    canaries.append(organization_of(sandboxes["shop"]))
    runs = [
        two.run(*command, "--organization", "bank")
        for command in (
            ("audit", "-o", "json"),
            ("ledger", "list", "-o", "json"),
            ("jobs", "list", "-o", "json"),
            ("report", "--from", "90d", "--format", "markdown"),
            ("diff", "--list", "-o", "json"),
            ("windows", "list", "-o", "json"),
        )
    ]
    assert [run.status for run in runs] == [1, 0, 0, 1, 0, 0]
    answers = [run.stdout + run.stderr for run in runs]
    with closing(sqlite3.connect(folder_of(two, "bank") / "rootkeeper.db")) as connection:
        answers.append("\n".join(connection.iterdump()))
    answers += [file.read_text("latin-1") for file in folder_of(two, "bank").iterdir() if file.is_file()]
    own = sandboxes["bank"].organization()["accounts"][0]["account_id"]
    assert any(own in answer for answer in answers)
    for canary in canaries:
        assert not any(canary in answer for answer in answers)


def ids_of(sandbox: SandboxProcess) -> set[str]:
    """Ids and e-mail addresses of accounts."""
    accounts = sandbox.organization()["accounts"]
    return {account[part] for account in accounts for part in ("account_id", "email")}


def canaries_of(sandbox: SandboxProcess) -> set[str]:
    """The same, and names."""
    return ids_of(sandbox) | {account["name"] for account in sandbox.organization()["accounts"]}


def test_p21_a_report_has_a_package_for_each_and_a_summary_that_names_no_account(
    two: Program, sandboxes: dict[str, SandboxProcess], tmp_path: Path
) -> None:
    assert two.run("organizations", "audit", "--fail-on", "none").status == 0
    folder = tmp_path / "evidence"
    run = two.run("organizations", "report", str(folder), "--framework", "cis-7.0", "-o", "json")
    assert run.status == 1, run.shown
    assert {file.name for file in folder.iterdir()} == {"shop.zip", "bank.zip", "summary.html", "summary.json"}
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary == run.json
    totals, numbers = summary["totals"], [one["numbers"] for one in summary["organizations"]]
    assert (totals["organizations"], totals["known"], totals["packages"]) == (2, 2, 2)
    for name in ("accounts", "root_logins_left", "failing_controls"):
        assert totals[name] == sum(one[name] for one in numbers) > 0
    for one in summary["organizations"]:
        packed = (folder / one["package"]["file"]).read_bytes()
        assert (len(packed), sha256(packed).hexdigest()) == (one["package"]["bytes"], one["package"]["sha256"])
    shown = "".join((folder / f"summary.{kind}").read_text(encoding="utf-8") for kind in ("html", "json"))
    people = {*(one.access_key_id for sandbox in sandboxes.values() for one in sandbox.principals().values())}
    for canary in {*canaries_of(sandboxes["shop"]), *canaries_of(sandboxes["bank"]), *people}:
        assert canary not in shown.replace("Content-Security-Policy", "") + run.stdout
    contents = {name: read_package(folder / f"{name}.zip") for name in BOTH}
    for name, other in (("shop", "bank"), ("bank", "shop")):
        # Names of accounts are ordinary words, which a report has, too.
        own, others = ids_of(sandboxes[name]), ids_of(sandboxes[other]) | {organization_of(sandboxes[other])}
        assert any(canary in contents[name] for canary in own)
        assert not [canary for canary in others - own if canary in contents[name]]
    again = two.run("organizations", "report", str(folder))
    assert (again.status, "isn't empty" in again.stderr) == (2, True), again.shown


def test_a_report_that_fails_for_one_is_written_for_the_others(
    two: Program, sandboxes: dict[str, SandboxProcess], tmp_path: Path
) -> None:
    assert two.run("organizations", "audit", "--fail-on", "none").status == 0
    (folder_of(two, "bank") / "rootkeeper.db").write_bytes(b"no database" * 1000)
    run = two.run("organizations", "report", str(tmp_path / "evidence"), "--fail-on", "unread")
    assert (run.status, "rootkeeper.db" in run.stdout) == (5, True), run.shown
    summary = json.loads((tmp_path / "evidence" / "summary.json").read_text(encoding="utf-8"))
    found = {one["name"]: one for one in summary["organizations"]}
    assert (found["shop"]["package"]["file"], found["shop"]["problem"]) == ("shop.zip", None)
    assert (found["bank"]["package"], found["bank"]["numbers"]) == (None, None)
    assert found["bank"]["problem"] == "Its numbers couldn't be read, or it was never audited."
    assert (summary["totals"]["known"], summary["totals"]["packages"]) == (1, 1)
    assert not (tmp_path / "evidence" / "bank.zip").exists()


def read_package(path: Path) -> str:
    with ZipFile(path) as archive:
        return "".join(archive.read(name).decode("latin-1") for name in archive.namelist())


def test_a_server_needs_no_settings_of_this_machine(two: Program) -> None:
    run = two.run("status", "--organization", "elsewhere", "--server", "http://127.0.0.1:9")
    assert (run.status, "There is no token for the server" in run.stderr) == (3, True), run.shown
    run = two.run("organizations", "show", "shop", "--server", "http://127.0.0.1:9")
    assert (run.status, "can't use a server" in run.stderr) == (2, True), run.shown
