"""What a server reports to Prometheus, and who may read it."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rootkeeper.access.rules import ServerRole
from rootkeeper.jobs.rules import JobState
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import KeptAudit
from rootkeeper.settings.sections import ServerSettings
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.architecture.source_files import REPOSITORY
from tests.fakes.api_services import ENDPOINT, ORGANIZATION_ID, PAYMENTS_ID, FakeServices
from tests.fakes.clock import START
from tests.fakes.databases import FakeLedger
from tests.functional.api.serving import ApiServer, start_api

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(api: ApiServer) -> Samples:
    """Every sample, by its name and its labels."""
    answer = api.get("//metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def of(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


def keep_window(services: FakeServices, window_id: str, account_id: str, state: WindowState) -> None:
    services.windows.add(
        RecoveryWindow(
            window_id=window_id,
            organization_id=ORGANIZATION_ID,
            account_id=AccountId(account_id),
            state=state,
            reason="drill",
            ticket=None,
            requested_by="ana",
            requested_at=START,
            duration_seconds=600,
        )
    )


def keep_audit(services: FakeServices, audit_id: str, *, seconds: int, is_complete: bool = True) -> None:
    now = services.clock.now()
    summary = {"accounts": 3, "present": 1, "not_present": 2, "recovery_open": 0, "unknown": 0, "not_applicable": 0}
    services.history.add(
        KeptAudit(
            audit_id, now - timedelta(seconds=seconds), now, ENDPOINT.label, is_complete, "ana", summary, 1, 0, 2
        ),
        (),
    )


def test_accounts_that_the_last_audit_could_not_read_are_counted_apart(api: ApiServer) -> None:
    keep_audit(api.services, "j-1", seconds=60)
    samples = read(api)
    assert of(samples, "rootkeeper_accounts", status="present") == 1
    assert of(samples, "rootkeeper_accounts_unread") == 2


def test_windows_and_jobs_are_counted_by_state_and_no_state_is_left_out(api: ApiServer) -> None:
    keep_window(api.services, "w-1", "222233334444", WindowState.OPEN)
    keep_window(api.services, "w-2", "333344445555", WindowState.OPEN)
    keep_window(api.services, "w-3", "444455556666", WindowState.CLOSE_FAILED)
    api.services.add_job("j-1", JobState.RUNNING)
    samples = read(api)
    assert of(samples, "rootkeeper_windows", state="OPEN") == 2
    assert of(samples, "rootkeeper_windows", state="CLOSE_FAILED") == 1
    assert of(samples, "rootkeeper_jobs", state="running") == 1
    states = {labels[0][1] for name, labels in samples if name == "rootkeeper_windows"}
    assert states == {state.value for state in WindowState}
    assert {labels[0][1] for name, labels in samples if name == "rootkeeper_jobs"} == {one.value for one in JobState}


def test_the_age_of_the_ledgers_head_grows_until_something_is_written(api: ApiServer) -> None:
    services = api.services
    assert "rootkeeper_ledger_head_age_seconds" not in {name for name, _ in read(api)}
    FakeLedger(services.database, "here").append_fact(Action.IDENTITY_ADD)
    services.clock.advance(90)
    samples = read(api)
    assert of(samples, "rootkeeper_ledger_head_age_seconds") == 90
    assert of(samples, "rootkeeper_ledger_entries") == 1


def test_each_audit_that_ends_is_counted_once_however_often_it_is_read(api: ApiServer) -> None:
    keep_audit(api.services, "j-before", seconds=7)
    read(api)
    api.services.clock.advance(60)
    keep_audit(api.services, "j-1", seconds=30)
    keep_audit(api.services, "j-2", seconds=4, is_complete=False)
    for _ in range(3):
        samples = read(api)
    assert of(samples, "rootkeeper_audit_duration_seconds_sum", complete="true") == 37
    assert of(samples, "rootkeeper_audit_duration_seconds_count", complete="true") == 2
    assert of(samples, "rootkeeper_audit_duration_seconds_sum", complete="false") == 4


def test_audits_of_before_its_start_are_not_counted_but_the_last_one_is_reported(services: FakeServices) -> None:
    keep_audit(services, "j-1", seconds=30)
    ended_at = services.clock.now()
    services.clock.advance(60)
    with start_api(services) as api:
        samples = read(api)
    assert "rootkeeper_audit_duration_seconds_sum" not in {name for name, _ in samples}
    assert of(samples, "rootkeeper_last_audit_timestamp_seconds") == ended_at.timestamp()
    assert of(samples, "rootkeeper_accounts", status="present") == 1
    assert ("rootkeeper_accounts", (("status", "accounts"),)) not in samples


def test_throttles_targets_and_readiness_are_shown(api: ApiServer) -> None:
    api.services.throttles |= {"organizations:ListAccounts": 4}
    samples = read(api)
    assert of(samples, "rootkeeper_aws_throttles_total", quota="organizations:ListAccounts") == 4
    assert of(samples, "rootkeeper_aws_throttles_total", quota="sts:*") == 0
    assert of(samples, "rootkeeper_notification_targets") == 2
    assert of(samples, "rootkeeper_notification_targets_failing") == 1
    assert (of(samples, "rootkeeper_ready"), of(samples, "rootkeeper_database_readable")) == (1, 1)
    api.services.troubles.append("The AWS credentials have expired.")
    assert of(read(api), "rootkeeper_ready") == 0


def test_while_the_database_is_away_the_rest_is_reported(api: ApiServer) -> None:
    api.services.is_database_away = True
    samples = read(api)
    assert of(samples, "rootkeeper_database_readable") == 0
    assert of(samples, "rootkeeper_notification_targets") == 2
    assert not {"rootkeeper_windows", "rootkeeper_jobs"} & {name for name, _ in samples}


def test_requests_are_counted_by_route_and_unknown_paths_make_no_new_name(api: ApiServer) -> None:
    api.get("/windows/w-none")
    api.get("/windows/w-other")
    api.get("/nothing", None)
    api.ask("PROPFIND", "/nothing", None, None, {})
    api.ask("PROPFIND", "/other", None, None, {})
    samples = read(api)
    counted = "rootkeeper_http_requests_total"
    assert of(samples, counted, method="GET", route="/api/v1/windows/{window_id}", status="404") == 2
    assert of(samples, counted, method="GET", route="none", status="404") == 1
    assert of(samples, counted, method="other", route="none", status="404") == 2
    assert of(samples, "rootkeeper_http_request_duration_seconds_count", route="/api/v1/windows/{window_id}") == 2


def test_no_account_and_no_user_is_named(api: ApiServer) -> None:
    keep_window(api.services, "w-canary", PAYMENTS_ID, WindowState.OPEN)
    api.get(f"/accounts/{PAYMENTS_ID}?q=canary")
    reported = api.get("//metrics").content.decode()
    for name in (PAYMENTS_ID, "payments", "canary", "viewer", "ana", ORGANIZATION_ID):
        assert name not in reported, name


def test_the_reference_lists_every_metric_and_no_other(api: ApiServer) -> None:
    keep_audit(api.services, "j-1", seconds=30)
    FakeLedger(api.services.database, "here").append_fact(Action.IDENTITY_ADD)
    read(api)
    reported = api.get("//metrics").content.decode()
    names = {line.split()[2] for line in reported.splitlines() if line.startswith("# HELP rootkeeper_")}
    reference = (REPOSITORY / "docs" / "reference" / "metrics.md").read_text()
    listed = set(re.findall(r"`(rootkeeper_\w+)", reference))
    assert {name for name in names if not name.endswith("_created")} == listed


def test_open_metrics_is_sent_to_a_client_that_prefers_it(api: ApiServer) -> None:
    answer = api.get("//metrics", Accept="application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.content.endswith(b"# EOF\n")


def start_open_api() -> AbstractContextManager[ApiServer]:
    """The settings allow programs on this machine."""
    services = FakeServices()
    services.settings = replace(services.settings, server=ServerSettings(metrics_without_token=True))
    return start_api(services)


def test_a_proxy_that_looks_like_a_program_on_this_machine_is_asked_for_a_token(api: ApiServer) -> None:
    """As nginx asks by default: no header of its own, and the address of the server as host."""
    refused = api.send("GET", "/metrics", None, {"Host": f"127.0.0.1:{api.port}"})
    assert (refused.status, refused.json["code"]) == (401, "access.not_signed_in")
    sent = {"Authorization": f"Bearer {api.token(ServerRole.VIEWER)}"}
    assert api.send("GET", "/metrics", None, sent).status == 200


def test_the_settings_can_allow_programs_on_this_machine() -> None:
    with start_open_api() as api:
        assert api.send("GET", "/metrics", None, {}).status == 200
        assert api.send("GET", "/metrics", None, {"Host": f"localhost:{api.port}"}).status == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_a_proxy_on_this_machine_asks_for_others_regardless_of_the_settings(header: str) -> None:
    with start_open_api() as api:
        refused = api.send("GET", "/metrics", None, {header: "127.0.0.1"})
        assert (refused.status, refused.json["code"]) == (401, "access.not_signed_in")
        sent = {header: "127.0.0.1", "Authorization": f"Bearer {api.token(ServerRole.VIEWER)}"}
        assert api.send("GET", "/metrics", None, sent).status == 200


def test_a_proxy_that_doesnt_say_so_hands_the_servers_name_on() -> None:
    services = FakeServices()
    services.settings = replace(
        services.settings,
        server=ServerSettings(public_url="https://rootkeeper.example.com", metrics_without_token=True),
    )
    with start_api(services) as api:
        refused = api.send("GET", "/metrics", None, {"Host": "rootkeeper.example.com"})
        assert (refused.status, refused.json["code"]) == (401, "access.not_signed_in")
        sent = {"Host": "rootkeeper.example.com", "Authorization": f"Bearer {api.token(ServerRole.VIEWER)}"}
        assert api.send("GET", "/metrics", None, sent).status == 200


def test_from_another_machine_only_a_user_who_is_signed_in_is_answered() -> None:
    services = FakeServices()
    with start_api(services, "0.0.0.0", proxy_headers=True, forwarded_allow_ips="127.0.0.1") as api:  # noqa: S104 - its setting; it listens on loopback
        reported = {"X-Forwarded-For": "203.0.113.7"}
        assert api.send("GET", "/metrics", None, reported).status == 401
        for role in ServerRole:
            sent = {**reported, "Authorization": f"Bearer {api.token(role)}"}
            assert api.send("GET", "/metrics", None, sent).status == 200
        services.identities.disable("viewer-token", services.clock.now())
        sent = {**reported, "Authorization": f"Bearer {api.token(ServerRole.VIEWER)}"}
        assert api.send("GET", "/metrics", None, sent).status == 401


def test_each_server_counts_for_itself(api: ApiServer) -> None:
    api.get("/me")
    with start_api(replace(api.services)) as other:
        assert not [key for key in read(other) if key[0] == "rootkeeper_http_requests_total"]
