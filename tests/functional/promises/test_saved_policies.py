"""P19: a bucket or queue policy is on disk, its hash in the ledger, before the call that changes it leaves."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.functional.promises.interposed_proxy import Answer, CutError, InterposedProxy, Request
from tests.functional.promises.locked_resources import (
    LOCKED_BUCKET,
    LOCKED_QUEUE,
    STATEMENT,
    list_saved,
    make_open_policy,
)
from tests.functional.promises.stage import Stage, assert_clean_ending

REMOVE_BUCKET = ("unlock", "s3", *LOCKED_BUCKET, "--remove", "--yes", "-o", "json")
CORRECT_QUEUE = ("unlock", "sqs", *LOCKED_QUEUE, "--corrected", "--yes", "-o", "json")
COMMANDS = [REMOVE_BUCKET, CORRECT_QUEUE]
CHANGING = {"DeleteBucketPolicy", "PutBucketPolicy", "SetQueueAttributes"}


def read_saves(stage: Stage) -> dict[str, str]:
    """Path → hash, as the ledger on disk has them."""
    saved = [json.loads(entry["parameters"]) for entry in stage.entries() if entry["action"].endswith("_policy:save")]
    return {parameters["path"]: parameters["sha256"] for parameters in saved}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[1])
def test_p19_when_the_call_leaves_the_policy_is_saved_and_its_hash_in_the_ledger(
    stage: Stage, proxy: InterposedProxy, command: tuple[str, ...]
) -> None:
    found: list[dict[str, str]] = []

    def look(request: Request) -> Answer | None:
        if request.operation in CHANGING:
            (copy,) = list_saved(stage)
            content = copy.read_bytes()
            assert json.loads(content)["Statement"][0]["Sid"] == STATEMENT
            assert copy.stat().st_mode & 0o777 == 0o600
            assert read_saves(stage) == {str(copy): hashlib.sha256(content).hexdigest()}
            found.append(read_saves(stage))
        return None

    proxy.before = look
    run = stage.run(*command, through=proxy)
    assert_clean_ending(run, 0)
    assert len(found) == 1, run.shown
    assert run.json["saved"]["sha256"] in found[0].values()
    stage.assert_each_intent_has_one_outcome()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[1])
def test_p19_a_policy_that_cannot_be_saved_is_left_as_it_is(
    stage: Stage, proxy: InterposedProxy, command: tuple[str, ...]
) -> None:
    (stage.folder / "file").write_text("")
    changes = {"ROOTKEEPER_UNLOCK_SAVED_POLICIES": str(stage.folder / "file" / "policies")}
    run = stage.run(*command, through=proxy, changes=changes)
    assert_clean_ending(run, 3)
    assert "can't be saved" in run.stderr
    assert proxy.mutating == []


def test_p19_what_was_saved_comes_back_as_it_was(stage: Stage) -> None:
    before = stage.run("unlock", "s3", *LOCKED_BUCKET, "-o", "json").json
    assert_clean_ending(stage.run(*REMOVE_BUCKET), 0)
    (copy,) = list_saved(stage)
    run = stage.run("unlock", "s3", *LOCKED_BUCKET, "--restore", copy, "--yes", "-o", "json")
    assert_clean_ending(run, 0)
    assert stage.run("unlock", "s3", *LOCKED_BUCKET, "-o", "json").json == before
    copy.write_text(copy.read_text() + " ")
    edited = stage.run("unlock", "s3", *LOCKED_BUCKET, "--restore", copy, "--yes")
    assert_clean_ending(edited, 2)
    assert f"isn't a saved copy of the policy of bucket {LOCKED_BUCKET[1]}" in edited.stderr
    assert "or it was edited" in edited.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[1])
def test_p05_a_server_that_only_claims_to_have_changed_it_is_found_out(stage: Stage, command: tuple[str, ...]) -> None:
    stage.sandbox.faults(service=command[1], operation="DeleteBucketPolicy", lie=True)
    stage.sandbox.faults(service=command[1], operation="SetQueueAttributes", lie=True)
    run = stage.run(*command, changes={"ROOTKEEPER_UNLOCK_QUEUE_VERIFY_SECONDS": "0"})
    assert_clean_ending(run, 4)
    assert run.json["result"] == "failed"
    assert run.json["verdict_after"] == "depends"
    stage.assert_each_intent_has_one_outcome()
    outcomes = [entry for entry in stage.entries() if entry["phase"] == "outcome" and entry["intent_sequence"]]
    assert outcomes[-1]["result"] == "failed"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[1])
def test_p04_after_an_answer_that_is_lost_a_re_read_decides_and_nothing_is_sent_again(
    stage: Stage, proxy: InterposedProxy, command: tuple[str, ...]
) -> None:
    def lose(request: Request, answer: Answer) -> Answer:
        if request.operation in CHANGING:
            raise CutError
        return answer

    proxy.after = lose
    run = stage.run(*command, through=proxy)
    assert_clean_ending(run, 0)
    assert len(proxy.mutating) == 1
    stage.assert_each_intent_has_one_outcome()


def test_a_policy_that_another_user_changes_meanwhile_is_left_alone(stage: Stage, proxy: InterposedProxy) -> None:
    """Another operator's own change comes between what was shown and the re-read."""
    others: list[int] = []

    def interfere(request: Request) -> Answer | None:
        sessions = [one for one in proxy.requests if one.operation == "AssumeRoot"]
        if request.operation == "GetBucketPolicy" and len(sessions) == 2 and not others:
            replacing = ("unlock", "s3", *LOCKED_BUCKET, "--replace", make_open_policy(stage), "--yes")
            changes = {"ROOTKEEPER_DATABASE_URL": f"sqlite:///{stage.folder / 'other.db'}"}
            others.append(stage.run(*replacing, changes=changes).status)
        return None

    proxy.before = interfere
    run = stage.run(*REMOVE_BUCKET, through=proxy)
    assert others == [0]
    assert_clean_ending(run, 4)
    assert "isn't the one that was shown" in run.stderr
    assert proxy.mutating == []
    assert stage.run("unlock", "s3", *LOCKED_BUCKET, "-o", "json").json["verdict"] == "open"
    stage.assert_each_intent_has_one_outcome()
