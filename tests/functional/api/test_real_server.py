"""The API of the real server, on the sandbox: one story of people with different roles, and its traces."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.api_conformance import DOCUMENT
from tests.functional.api.odd_inputs import ODD_TEXTS, fill, list_parameters, quote_any
from tests.functional.running import Program, Runner
from tests.sandbox_process import SandboxProcess
from tests.server_process import Answer, ServerProcess

SECONDS = 30
ROLES = {"vera": "viewer", "aud": "auditor", "olga": "operator", "piet": "approver"}


@dataclass
class Story:
    """A server, the sandbox behind it, and who is known there."""

    sandbox: SandboxProcess
    server: ServerProcess
    program: Program

    def get(self, path: str, name: str = "vera") -> Answer:
        return self.server.ask("GET", f"/api/v1{path}", name=name)

    def post(self, path: str, body: object = None, name: str = "olga") -> Answer:
        return self.server.ask("POST", f"/api/v1{path}", {} if body is None else body, name=name)

    def follow(self, job: Answer) -> dict[str, Any]:
        """The job once it is over."""
        assert job.status == 202, job
        end = time.monotonic() + SECONDS
        while True:
            found: dict[str, Any] = self.get(f"/jobs/{job.body['job_id']}").body
            if found["state"] in {"done", "failed", "cancelled"}:
                return found
            assert time.monotonic() < end, found
            time.sleep(0.1)

    def find_clean_member(self) -> dict[str, Any]:
        """An account that nothing is open in, and that isn't a failsafe, which no window may open in."""
        busy = {one["account_id"] for one in self.get("/windows?unfinished=true").body["windows"]}
        busy |= {one["account_id"] for one in self.get("/overview").body["failsafe"]}
        accounts = self.get("/accounts?status=not_present&limit=500").body["accounts"]
        return next(one for one in accounts if one["role"] == "member" and one["account_id"] not in busy)

    def request_window(self, duration: str = "1h") -> dict[str, Any]:
        account_id = self.find_clean_member()["account_id"]
        body = {"account": account_id, "reason": "restore a bucket", "duration": duration}
        answer = self.post("/windows", body)
        assert answer.status == 201, answer
        window: dict[str, Any] = answer.body
        return window

    def has_password(self, account_id: str) -> bool:
        """In the sandbox's own truth: a password, or the permission to set one."""
        organization = self.sandbox.organization()
        (account,) = (one for one in organization["accounts"] if one["account_id"] == account_id)
        return bool(account["root_user"]["password"] or account["root_user"]["recovery_allowed"])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, runner: Runner) -> Iterator[Story]:
    folder: Path = tmp_path_factory.mktemp("api")
    url = f"sqlite:///{folder / 'rootkeeper.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").create_database()
    with SandboxProcess.start("--accounts", "14", "--seed", "3", "--features", "all") as sandbox:
        environment = sandbox.environment() | {
            "HOME": str(folder),
            "ROOTKEEPER_DATABASE_URL": url,
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
            "XDG_STATE_HOME": str(folder / "state"),
        }
        with ServerProcess.start(environment) as server:
            program = Program(environment, runner)
            story = Story(sandbox, server, program)
            made = program.run("token", "create", "--role", "administrator", "--name", "adam")
            assert made.status == 0, made.shown
            server.tokens["adam"] = made.stdout.strip()
            for name, role in ROLES.items():
                server.tokens[name] = story.post("/tokens", {"name": name, "role": role}, "adam").body["token"]
            audit = story.follow(story.post("/audits", None, "aud"))
            assert audit["state"] == "done", audit
            yield story


def test_an_audit_through_the_api_is_kept_and_names_who_asked(story: Story) -> None:
    listed = story.get("/accounts?limit=500").body
    truth = story.sandbox.organization()
    assert listed["total"] == len(truth["accounts"])
    assert listed["summary"]["unknown"] == 0
    (audit,) = story.get("/audits").body["audits"]
    assert audit["requested_by"] == "aud"
    assert story.get(f"/audits/{audit['audit_id']}?limit=500").body["accounts"]
    asked = [one for one in list_ledger(story) if one["action"] == "job:request"]
    assert asked[0]["actor"]["name"] == "aud"
    assert asked[0]["actor"]["kind"] == "token"


def test_the_overview_is_that_of_the_organization(story: Story) -> None:
    overview = story.get("/overview").body
    assert (overview["is_sandbox"], overview["setup"]["trusted_access"]) == (True, True)
    assert overview["setup"]["features"] == ["RootCredentialsManagement", "RootSessions"]
    assert [one["what"] for one in overview["missing"]] == ["A delegated administrator (failsafe)"]
    assert overview["summary"]["accounts"] == 14
    assert overview["root_logins_left_to_secure"]["known"] > 0
    assert overview["last_audit"]["requested_by"] == "aud"
    tree = story.get("/organization").body
    assert all(unit["path"].startswith("Root") for unit in tree["units"])


def test_an_administrator_registers_the_failsafe_and_the_ledger_says_so(story: Story) -> None:
    delegate = story.find_clean_member()["account_id"]
    body = {"features": [], "delegated_administrator": delegate}
    assert story.post("/setup", body, "olga").status == 403
    planned = story.post("/setup/plan", body, "adam").body
    assert [step["outcome"] for step in planned["steps"]] == ["planned"]
    done = story.post("/setup", body, "adam").body
    assert (done["is_proven"], [step["outcome"] for step in done["steps"]]) == (True, ["changed"])
    assert done["remarks"] == ["The next audit shows the account as failsafe."]
    assert story.get("/overview").body["missing"] == []
    assert delegate in [one["account_id"] for one in story.get("/overview").body["failsafe"]]
    registered = [one for one in list_ledger(story) if one["action"] == "delegated_administrator:register"]
    assert [one["phase"] for one in registered] == ["intent", "outcome"]
    assert {one["actor"]["name"] for one in registered} == {"adam"}


def test_the_server_verifies_its_ledger(story: Story) -> None:
    job = story.follow(story.post("/ledger/verifications", None, "aud"))
    assert job["state"] == "done", job
    outcome = story.get(f"/jobs/{job['job_id']}/outcome").body
    assert (outcome["is_intact"], outcome["findings"]) == (True, [])
    assert outcome["entries"] == outcome["head"]["seq"] > 0


def test_an_exception_is_kept_and_deletion_skips_its_account(story: Story) -> None:
    account_id = story.get("/accounts?status=not_present&limit=500").body["accounts"][-1]["account_id"]
    body = {"account_id": account_id, "owner": "Ana", "reason": "a test", "until": "2099-01-01T00:00:00Z"}
    assert story.post("/exceptions", body).body["in_force"] is True
    job = story.follow(story.post("/plans", {"selection": {"everything": True}}))
    plan = story.get(f"/jobs/{job['job_id']}/outcome").body
    (skipped,) = (one for one in plan["accounts"] if one["account_id"] == account_id)
    assert "Ana" in str(skipped)
    removed = story.server.ask("DELETE", f"/api/v1/exceptions/{account_id}", name="olga")
    assert (removed.status, story.get("/exceptions").body["exceptions"]) == (200, [])


def test_a_window_is_requested_approved_by_another_user_opened_and_closed(story: Story) -> None:
    window = story.request_window()
    window_id, account_id = window["window_id"], window["account_id"]
    assert (window["state"], window["requested_by"]) == ("REQUESTED", "olga")
    assert story.post(f"/windows/{window_id}/activate").status == 409
    assert not story.has_password(account_id)
    approved = story.post(f"/windows/{window_id}/approve", {"account_id": account_id}, "piet").body
    assert (approved["state"], approved["approved_by"]) == ("APPROVED", ["piet"])
    opened = story.post(f"/windows/{window_id}/activate").body
    assert (opened["state"], opened["outcome"], opened["activated_by"]) == ("OPEN", "open", "olga")
    assert story.has_password(account_id)
    assert story.get(f"/accounts/{account_id}").body["status"] == "recovery_open"
    closed = story.post(f"/windows/{window_id}/close").body
    assert (closed["state"], closed["is_closed"], closed["closed_by"]) == ("CLOSED_VERIFIED", True, "olga")
    assert not story.has_password(account_id)
    assert story.get(f"/accounts/{account_id}").body["status"] == "not_present"
    report = story.get(f"/windows/{window_id}/report").body
    assert report["people"] == {
        "requested_by": "olga",
        "approved_by": ["piet"],
        "activated_by": "olga",
        "closed_by": "olga",
        "reviewed_by": None,
    }
    assert report["times"]["closed_at"] is not None
    by_action = {one["action"]: one["actor"]["name"] for one in list_ledger(story) if one["account_id"] == account_id}
    assert by_action["window:request"] == "olga"
    assert by_action["window:approve"] == "piet"
    assert by_action["login_profile:create"] == "olga"


def test_p10_the_requester_cant_approve_nor_can_a_token_without_the_role(story: Story) -> None:
    account_id = story.find_clean_member()["account_id"]
    asked = story.post("/windows", {"account": account_id, "reason": "restore a bucket"}, "adam").body
    window_id = asked["window_id"]
    by_requester = story.post(f"/windows/{window_id}/approve", None, "adam")
    assert (by_requester.status, by_requester.body["code"]) == (409, "approval.refused")
    without_role = story.post(f"/windows/{window_id}/approve", None, "olga")
    assert (without_role.status, without_role.body["code"]) == (403, "access.denied")
    other = story.post(f"/windows/{window_id}/approve", {"account_id": "999988887777"}, "piet")
    assert (other.status, other.body["code"]) == (409, "approval.refused")
    longer = story.post(f"/windows/{window_id}/approve", {"duration": "72h"}, "piet")
    assert (longer.status, longer.body["code"]) == (409, "approval.refused")
    assert story.get(f"/windows/{window_id}").body["state"] == "REQUESTED"
    assert story.post(f"/windows/{window_id}/deny", {"reason": "not needed"}, "piet").body["state"] == "DENIED"
    late = story.post(f"/windows/{window_id}/approve", None, "piet")
    assert late.status == 409


def test_a_deletion_is_planned_and_applied_through_the_api(story: Story) -> None:
    present = story.get("/accounts?status=present&limit=500").body["accounts"]
    account_id = next(one["account_id"] for one in present if one["role"] == "member")
    selection = {"accounts": [account_id]}
    uses = [[account_id, "it is left over"]]
    planned = story.follow(story.post("/plans", {"selection": selection, "allowed_uses": uses}))
    assert planned["state"] == "done", planned
    plan = story.get(f"/jobs/{planned['job_id']}/outcome").body
    deleted = story.follow(story.post("/deletions", {"plan_id": plan["plan_id"]}))
    assert deleted["state"] == "done", deleted
    (result,) = story.get(f"/jobs/{deleted['job_id']}/results").body["results"]
    assert result["account_id"] == account_id
    assert story.get(f"/accounts/{account_id}").body["status"] == "not_present"


def test_a_preflight_answers_with_its_matrix(story: Story) -> None:
    done = story.follow(story.post("/preflights", None, "aud"))
    assert done["state"] == "done", done
    assert story.get(f"/jobs/{done['job_id']}/outcome").body["rows"]


def test_a_user_signs_in_with_a_password_from_a_file(story: Story, tmp_path: Path) -> None:
    password = "correct horse battery"
    path = tmp_path / "password"
    path.write_text(f"{password}\n")
    added = story.program.run("users", "add", "ute", "--role", "auditor", "--password-file", str(path), "-o", "json")
    assert added.status == 0, added.shown
    answer = story.server.ask("POST", "/api/v1/auth/sign-in", {"name": "ute", "password": password})
    story.server.tokens["ute"] = answer.body["token"]
    assert story.get("/me", "ute").body["role"] == "auditor"
    assert story.program.run("users", "disable", "ute").status == 0
    assert story.get("/me", "ute").status == 401
    assert password not in story.server.stderr


@pytest.mark.long
def test_odd_addresses_find_no_mistake_in_the_real_stores(story: Story) -> None:
    for path, operations in DOCUMENT["paths"].items():
        if "get" not in operations or path.endswith("/events"):
            continue
        addresses = [fill(path, text) for text in ODD_TEXTS] if "{" in path else []
        for name in list_parameters("GET", path):
            addresses += [f"{fill(path)}?{name}={quote_any(text)}" for text in ODD_TEXTS]
        for address in addresses:
            assert story.server.ask("GET", address, name="adam").status < 500, address


def test_the_server_is_ready_and_its_log_shows_who_asked_and_no_token(story: Story) -> None:
    ready = story.server.ask("GET", "/readyz")
    assert ready.status == 200, ready
    for name in ("olga", "piet"):
        assert story.server.ask("GET", "/api/v1/me?asked=now", name=name).status == 200
    assert all(token not in story.server.stderr for token in story.server.tokens.values())
    # The log has a request a moment after its answer.
    story.server.wait_until(lambda: {"olga", "piet"} <= {line.get("actor") for line in list_requests(story)})
    assert all("?" not in line["route"] for line in list_requests(story))


def list_requests(story: Story) -> list[dict[str, Any]]:
    """In the server's log."""
    return [line for line in story.server.lines if line["event"] == "api:request"]


def list_ledger(story: Story) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    after: str | None = "0"
    while after is not None:
        page = story.get(f"/ledger?limit=500&after={after}").body
        entries += page["entries"]
        after = page["next"]
    return entries
