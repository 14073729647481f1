"""PostgreSQL is stopped as by a crash while windows are open: they close on time, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
)
from tests.functional.crash.root_users import is_empty
from tests.functional.crash.server_runs import PostgresqlDatabase, Server, Servers, started_servers, wait_until
from tests.postgresql import PostgresqlServer

pytestmark = pytest.mark.long

PAST_THE_END = 2 * 3600.0
IN_TIME = 30.0
RECORDED = 180.0


@dataclass(frozen=True, slots=True)
class Outage:
    """A database server that a test stops, and what runs on it."""

    database: PostgresqlServer
    servers: Servers

    def list_accounts(self) -> list[str]:
        organization = self.servers.sandbox.organization()
        return [
            account["account_id"]
            for account in organization["accounts"]
            if account["state"] == "ACTIVE" and account["account_id"] != organization["management_account_id"]
        ]

    def open_windows(self) -> list[str]:
        """In every member account."""
        accounts = self.list_accounts()
        for account_id in accounts:
            self.servers.sandbox.put_root_user(account_id, {})
            self.servers.run("recover", account_id, "--reason", "drill", "--for", "1h", "--leave-open", "--yes")
        return accounts

    def are_closed(self, accounts: list[str]) -> bool:
        truth = self.servers.sandbox.accounts()
        return all(is_empty(truth[account_id]["root_user"]) for account_id in accounts)

    def states(self) -> set[str]:
        return {row["state"] for row in self.servers.database.query("SELECT state FROM recovery_windows")}


@pytest.fixture
def outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    folder = tmp_path_factory.mktemp("outage")
    with (
        PostgresqlServer.start() as database,
        started_servers(
            folder,
            PostgresqlDatabase(database, folder),
            "--accounts",
            "8",
            "--seed",
            "1",
            "--features",
            "all",
            settings={"ROOTKEEPER_LEASE_SECONDS": "2"},
        ) as servers,
    ):
        servers.run("audit", "--fail-on", "none")
        yield Outage(database, servers)


def test_p11_windows_close_on_time_without_the_database_and_are_recorded_once_it_is_back(outage: Outage) -> None:
    accounts, servers = outage.open_windows(), outage.servers
    since = servers.sandbox.last_request()
    server = servers.wait_ready(servers.start("worker"))
    outage.database.stop_immediately()
    server.move_clock(PAST_THE_END)
    wait_until(lambda: outage.are_closed(accounts), IN_TIME, lambda: server.stderr)
    outage.database.start_again()
    wait_until(lambda: outage.states() == {"CLOSED_VERIFIED"}, RECORDED, lambda: server.stderr)
    _wait_settled(outage, server)
    _assert_the_ledger_holds(outage, since)


def test_p11_a_stop_in_the_middle_of_closing_loses_nothing(outage: Outage) -> None:
    accounts, servers = outage.open_windows(), outage.servers
    since = servers.sandbox.last_request()
    server = servers.wait_ready(servers.start("worker"))
    servers.proxy.begin_run()
    with servers.proxy.holding("DeleteLoginProfile") as held:
        server.move_clock(PAST_THE_END)
        assert held.begun.wait(IN_TIME), server.stderr
        outage.database.stop_immediately()
    wait_until(lambda: outage.are_closed(accounts), 2 * IN_TIME, lambda: server.stderr)
    wait_until(lambda: list_alerts(server) != [], IN_TIME, "an outage is reported")
    outage.database.start_again()
    wait_until(lambda: outage.states() == {"CLOSED_VERIFIED"}, RECORDED, lambda: server.stderr)
    _wait_settled(outage, server)
    _assert_the_ledger_holds(outage, since)


def list_alerts(server: Server) -> list[str]:
    lines = [json.loads(line) for line in server.stderr.splitlines() if line.startswith("{")]
    return [line["message"] for line in lines if line["level"] == "error"]


def _wait_settled(outage: Outage, server: Server) -> None:
    """Until what was left unclear is settled, and spill files are merged."""
    folder = outage.servers.folder
    wait_until(
        lambda: not outage.servers.database.query("SELECT * FROM open_intents") and not [*folder.rglob("*spill*")],
        RECORDED,
        lambda: server.stderr,
    )


def _assert_the_ledger_holds(outage: Outage, since: int) -> None:
    requests = outage.servers.sandbox.requests(since)
    deleted = [
        one["account_id"] for one in requests if one["operation"] == "DeleteLoginProfile" and one["status"] == 200
    ]
    assert len(deleted) == len(set(deleted)), "deleted twice"
    entries = outage.servers.database.query("SELECT * FROM ledger_entries ORDER BY sequence")
    assert_every_privileged_call_has_an_intent(requests, entries)
    assert_each_intent_has_one_outcome(entries)
    assert_chained(entries)
