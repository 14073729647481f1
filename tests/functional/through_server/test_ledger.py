"""``ledger verify`` through a server: the server checks its own ledger, and its verdict is that of its database."""

from __future__ import annotations

import pytest

from tests.functional.published_schemas import require_fits
from tests.functional.running import Run
from tests.functional.through_server.stage import ServedStage
from tests.ledger_tampering import edited_entry

SECURITY = "222233334444"
EDITED = 2


@pytest.fixture(scope="module", autouse=True)
def ledger_with_entries(stage: ServedStage) -> None:
    assert stage.person("aldo").run("audit", SECURITY).status == 1


def run_both(stage: ServedStage, *arguments: str) -> tuple[Run, Run]:
    """Straight on the database and through the server, which comes first: its ledger names who asked."""
    theirs = stage.person("aldo").run(*arguments)
    return stage.local.run(*arguments), theirs


def without_anchor(run: Run) -> list[str]:
    """What was shown, but for how far the anchor reaches: the server extends it every ten seconds."""
    return [line for line in run.stdout.splitlines() if "anchored" not in line.lower()]


def test_an_intact_ledger_has_the_same_verdict_in_every_output(stage: ServedStage) -> None:
    for output in ("json", "table"):
        ours, theirs = run_both(stage, "ledger", "verify", "-o", output)
        assert ours.status == theirs.status == 0, theirs.shown
        assert without_anchor(theirs) == without_anchor(ours)
    ours, theirs = run_both(stage, "ledger", "verify", "-o", "json")
    assert list(theirs.json) == list(ours.json)
    assert (theirs.json["anchored_sequence"] or 0) <= (ours.json["anchored_sequence"] or 0)
    require_fits(theirs.json, "ledger-verification")


def test_a_servers_ledger_names_who_had_it_verified(stage: ServedStage) -> None:
    theirs = stage.person("boris").run("ledger", "verify", "-o", "json")
    listed = stage.person("vera").run("ledger", "list", "--since", str(theirs.json["head_sequence"] - 1), "-o", "json")
    assert [(entry["action"], entry["actor"]["name"]) for entry in listed.json["entries"]] == [("job:request", "boris")]


def test_an_entry_that_was_edited_in_the_servers_database_is_named_the_same(stage: ServedStage) -> None:
    with edited_entry(stage.folder / "rootkeeper.db", EDITED):
        for output in ("json", "table"):
            ours, theirs = run_both(stage, "ledger", "verify", "-o", output)
            assert ours.status == theirs.status == 1, theirs.shown
            assert without_anchor(theirs) == without_anchor(ours)
        assert f"NOT intact, entry {EDITED}" in theirs.stdout
    assert stage.person("aldo").run("ledger", "verify").status == 0


def test_a_role_that_does_not_verify_is_refused(stage: ServedStage) -> None:
    run = stage.person("vera").run("ledger", "verify")
    assert run.status == 3, run.shown
    assert "vera has the role viewer, which doesn't permit this" in run.stderr
    assert "The permission is ledger:verify." in run.stderr
    assert run.stdout == ""
