"""P01: at the moment in which a privileged call leaves, its intent is on disk, as another process sees it."""

from __future__ import annotations

import json

from rootkeeper.changes.catalogue import CATALOGUE
from rootkeeper.ledger.rules import Action
from tests.functional.administration import Administration
from tests.functional.promises.interposed_proxy import MUTATING_OPERATIONS, InterposedProxy
from tests.functional.promises.jobs import ACCEPT_EMAIL_CHANGE, START_EMAIL_CHANGE, save_one_time_password
from tests.functional.promises.locked_resources import LOCKED_BUCKET, LOCKED_QUEUE, make_open_policy
from tests.functional.promises.stage import CLEAN, EVERYTHING, FAILSAFE, Stage, read_rows
from tests.functional.promises.witness import Witness

BUCKET = "amzn-s3-demo-reports"


def test_p01_every_privileged_call_of_every_command_has_its_intent_on_disk_before_it_leaves(
    bare_stage: Stage, proxy: InterposedProxy
) -> None:
    witness = Witness(bare_stage)
    proxy.before = witness
    Administration(bare_stage.sandbox).trust_account_management()
    Administration(bare_stage.sandbox).make_places_for_reports(BUCKET)
    since = bare_stage.sandbox.last_request()
    for arguments, status in (
        (("enable", "--delegated-administrator", FAILSAFE, "--yes"), 0),
        (("audit", "--details"), 1),
        (("delete", "--ou", "AnyCompany", "--yes"), 0),
        (("unlock", "s3", *LOCKED_BUCKET, "--remove", "--yes"), 0),
        (("unlock", "s3", *LOCKED_BUCKET, "--replace", make_open_policy(bare_stage), "--yes"), 0),
        (("unlock", "sqs", *LOCKED_QUEUE, "--regions", "us-east-1", "--remove", "--yes"), 0),
        (("report", "send", "--to", "securityhub", "--yes"), 0),
        (("report", "send", "--to", f"s3://{BUCKET}/evidence", "--yes"), 0),
        (("recover", CLEAN, "--reason", "drill", "--leave-open", "--yes"), 0),
        (("windows", "close", CLEAN, "--yes"), 0),
        (("disable", "--trusted-access", "--yes"), 0),
    ):
        run = bare_stage.run(*arguments, through=proxy)
        assert run.status == status, run.shown
    started = START_EMAIL_CHANGE.run(bare_stage, through=proxy)
    assert started.status == START_EMAIL_CHANGE.good, started.shown
    save_one_time_password(bare_stage)
    accepted = ACCEPT_EMAIL_CHANGE.run(bare_stage, through=proxy)
    assert accepted.status == ACCEPT_EMAIL_CHANGE.good, accepted.shown
    assert witness.unfounded == []
    assert bare_stage.is_bare(EVERYTHING)
    assert {request.operation for request in proxy.mutating} == set(MUTATING_OPERATIONS)
    assert len(witness.claimed) == len(proxy.privileged) == len(bare_stage.privileged(since))
    intents = read_rows(bare_stage.database, "SELECT action, parameters FROM ledger_entries WHERE phase = 'intent'")
    lacking = [
        (intent["action"], name)
        for intent in intents
        for name in CATALOGUE[Action(intent["action"])].parameters
        if name not in json.loads(intent["parameters"])
    ]
    assert lacking == []
    bare_stage.assert_each_intent_has_one_outcome()
