"""``emails change`` through a server, and the routes behind it: who approves, who changes, and what is proven."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.administration import Administration
from tests.functional.conversation import converse
from tests.functional.published_schemas import require_fits
from tests.functional.running import Run, Runner
from tests.functional.through_server.stage import ServedStage, open_stage

SHOP, ORDERS, SHOP_EU, SHOP_TEST, AUDIT, MANAGEMENT = (
    "777788889999",
    "888899990000",
    "200030004000",
    "400050006000",
    "444455556666",
    "111122223333",
)


@pytest.fixture(scope="module")
def stage(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStage]:
    """With rules for addresses, and trusted access for Account Management."""
    with open_stage(
        runner,
        tmp_path_factory.mktemp("served"),
        ROOTKEEPER_EMAILS_ALLOWED_DOMAINS="example.com",
        ROOTKEEPER_EMAILS_GROUPS="aws@example.com",
    ) as opened:
        opened.server.tokens.update(opened.tokens)
        Administration(opened.sandbox).trust_account_management()
        audited = opened.person("aldo").run("audit", SHOP)
        assert audited.status in {0, 1}, audited.shown
        yield opened


def change(stage: ServedStage, account: str, address: str, *more: str | Path, name: str = "olga") -> Run:
    return stage.person(name).run("emails", "change", account, address, "--reason", "Li has left", "--yes", *more)


def post(stage: ServedStage, path: str, name: str, **body: str) -> Any:
    return stage.server.ask("POST", f"/api/v1/{path}", body, name=name)


def approve(stage: ServedStage, account: str, address: str, name: str = "boris") -> Any:
    return post(stage, "root-emails/approvals", name, account=account, address=address, reason="CHG-12")


def true_email(stage: ServedStage, account: str) -> str:
    return str(stage.sandbox.accounts()[account]["email"])


def read_otps(stage: ServedStage, address: str) -> list[str]:
    bodies = [str(mail["body"]) for mail in stage.sandbox.mailbox(address)]
    return [found[1] for body in bodies if (found := re.search(r"Verification code: (\w+)", body))]


def list_actions(stage: ServedStage, account: str) -> list[tuple[str, str, str | None]]:
    entries = stage.person("vera").run("ledger", "list", "--account", account, "-o", "json").json["entries"]
    return [
        (entry["actor"]["name"], entry["action"], entry["result"])
        for entry in entries
        if entry["action"].startswith("email_update:")
    ]


def test_p10_an_address_is_approved_by_one_person_and_changed_by_another(stage: ServedStage, tmp_path: Path) -> None:
    new, before = "aws+shop-new@example.com", true_email(stage, SHOP)
    early = change(stage, SHOP, new)
    assert early.status == 2, early.shown
    assert "has 0 approvals that count; it needs 1" in early.stderr
    approved = approve(stage, SHOP, new)
    assert (approved.status, approved.body["approved_by"], approved.body["email"]) == (200, "boris", new)
    started = change(stage, SHOP, new, "-o", "json")
    assert (started.status, started.json["changes"][0]["outcome"]) == (4, "started"), started.shown
    assert "Approved by boris." in started.stderr
    (otp,) = read_otps(stage, new)
    (tmp_path / "otp").write_text("ZZZZZZ" if otp != "ZZZZZZ" else "YYYYYY")
    wrong = change(stage, SHOP, new, "--otp-from", tmp_path / "otp")
    assert (wrong.status, true_email(stage, SHOP)) == (4, before), wrong.shown
    (tmp_path / "otp").write_text(otp)
    done = change(stage, SHOP, new, "--otp-from", tmp_path / "otp", "-o", "json")
    assert done.status == 0, done.shown
    require_fits(done.json, "email-changes")
    assert done.json["changes"][0] | {"explanation": "", "name": ""} == {
        "account_id": SHOP,
        "name": "",
        "email_before": before,
        "email": new,
        "outcome": "changed",
        "explanation": "",
    }
    assert true_email(stage, SHOP) == new
    assert len(read_otps(stage, new)) == 1
    assert list_actions(stage, SHOP) == [
        ("boris", "email_update:approve", "done"),
        ("olga", "email_update:start", None),
        ("olga", "email_update:start", "done"),
        ("olga", "email_update:accept", None),
        ("olga", "email_update:accept", "failed"),
        ("olga", "email_update:accept", None),
        ("olga", "email_update:accept", "done"),
    ]
    again = change(stage, SHOP, "aws+shop-newer@example.com")
    assert (again.status, "has 0 approvals" in again.stderr) == (2, True), again.shown
    unapproved = change(stage, SHOP, new)
    assert unapproved.status == 2, unapproved.shown


def test_p08_a_one_time_password_is_in_no_file_of_the_server(stage: ServedStage) -> None:
    new = "aws+shop-eu-new@example.com"
    assert approve(stage, SHOP_EU, new).status == 200
    wanted = {"account": SHOP_EU, "address": new, "reason": "Li has left"}
    begun = post(stage, "root-emails/changes", "olga", **wanted)
    assert (begun.status, begun.body["outcome"]) == (200, "started"), begun.body
    (otp,) = read_otps(stage, new)
    for attempt in ("nonsense-of-someone", otp):
        answer = post(stage, "one-time-passwords", "olga", **wanted, otp=attempt)
        assert attempt not in str(answer.body)
    assert (answer.status, answer.body["outcome"]) == (200, "changed"), answer.body
    assert true_email(stage, SHOP_EU) == new
    files = [path for path in stage.folder.rglob("*") if path.is_file()]
    assert any(path.name.startswith("rootkeeper.db") for path in files)
    secrets = (otp.encode(), b"nonsense-of-someone")
    assert [path for path in files if any(secret in path.read_bytes() for secret in secrets)] == []


def test_only_a_one_time_password_is_asked_for_again(stage: ServedStage, tmp_path: Path) -> None:
    new = "aws+orders-new@example.com"
    assert approve(stage, ORDERS, new).status == 200
    arguments = ("emails", "change", ORDERS, new, "--reason", "Li has left", "--yes")
    with converse(stage.person("olga"), *arguments) as conversation:
        conversation.wait_for("One-time password sent to")
        (otp,) = read_otps(stage, new)
        (tmp_path / "otp").write_text(otp)
        assert change(stage, ORDERS, new, "--otp-from", tmp_path / "otp").status == 0
        conversation.type(otp)
        assert conversation.end() == 2, conversation.text
    assert "has 0 approvals that count" in conversation.text
    assert conversation.text.count("One-time password sent to") == 1


def test_the_server_re_reads_and_doesnt_believe_an_answer(stage: ServedStage, tmp_path: Path) -> None:
    new = "aws+shop-test-new@example.com"
    assert approve(stage, SHOP_TEST, new).status == 200
    assert change(stage, SHOP_TEST, new).status == 4
    (tmp_path / "otp").write_text(read_otps(stage, new)[0])
    stage.sandbox.faults(operation="AcceptPrimaryEmailUpdate", times=1, lie=True)
    run = change(stage, SHOP_TEST, new, "--otp-from", tmp_path / "otp", "-o", "json")
    assert (run.status, run.json["changes"][0]["outcome"]) == (4, "not_proven"), run.shown
    assert list_actions(stage, SHOP_TEST)[-1] == ("olga", "email_update:accept", "unknown")


def test_a_plan_names_the_place_and_a_dry_run_changes_nothing(stage: ServedStage) -> None:
    new = "aws+audit-new@example.com"
    assert approve(stage, AUDIT, new).status == 200
    before = stage.sandbox.last_request()
    plan = post(stage, "root-emails/changes/plan", "olga", account=AUDIT, address=new, reason="Li has left").body
    assert (plan["account_id"], plan["email_before"], plan["email"]) == (AUDIT, true_email(stage, AUDIT), new)
    assert (plan["approved_by"], plan["started_at"], plan["is_unneeded"]) == (["boris"], None, False)
    assert plan["endpoint"].startswith("SANDBOX ")
    assert plan["caller_arn"].startswith("arn:aws:")
    dry = change(stage, AUDIT, new, "--dry-run")
    assert dry.status == 0, dry.shown
    assert stage.sandbox.operations(before, mutating=True) == []
    accepted = post(stage, "one-time-passwords", "olga", account=AUDIT, address=new, reason="x", otp="A1B2C3")
    assert (accepted.status, accepted.body["hint_code"]) == (422, "emails.start"), accepted.body


@pytest.mark.parametrize(
    ("name", "more", "status", "said"),
    [
        ("vera", (), 3, "root_emails:change"),
        ("boris", (), 3, "root_emails:change"),
        ("olga", ("--override",), 2, "A server overrides no rule"),
    ],
)
def test_p12_what_may_not_be_done_through_a_server_is_refused(
    stage: ServedStage, name: str, more: tuple[str, ...], status: int, said: str
) -> None:
    before = stage.sandbox.last_request()
    run = change(stage, AUDIT, "aws+audit-other@example.com", *more, name=name)
    assert run.status == status, run.shown
    assert said in run.stderr
    assert stage.sandbox.operations(before, mutating=True) == []


@pytest.mark.parametrize(
    ("account", "address", "said"),
    [
        (AUDIT, "li@example.net", "isn't one of the organization's"),
        (AUDIT, "someone@example.com", "no group is known to read it"),
        (MANAGEMENT, "aws+new@example.com", "management account"),
    ],
)
def test_p12_an_approval_lifts_no_rule(stage: ServedStage, account: str, address: str, said: str) -> None:
    assert approve(stage, account, address).status == 200
    before = stage.sandbox.last_request()
    run = change(stage, account, address)
    assert run.status == 2, run.shown
    assert said in run.stderr
    assert stage.sandbox.operations(before, mutating=True) == []


def test_p10_an_administrator_cant_approve_what_the_administrator_changes(stage: ServedStage) -> None:
    new = "aws+audit-alone@example.com"
    assert approve(stage, AUDIT, new, "root-keeper").status == 200
    run = change(stage, AUDIT, new, name="root-keeper")
    assert (run.status, "has 0 approvals that count" in run.stderr) == (2, True), run.shown
    assert approve(stage, AUDIT, new, "olga").status == 403
