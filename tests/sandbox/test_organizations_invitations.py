"""Invitations: accounts from outside join with the root credentials that they had. Source: aws-facts E, the model."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper_sandbox.exchange import ServiceError
from tests.sandbox.calling import Stage

OUTSIDER, OTHER_OUTSIDER = "888899990000", "999900001111"
DAY = 86_400


@pytest.fixture
def stage() -> Stage:
    return Stage(scenario="merger")


def ask(stage: Stage, operation: str, caller: str = "management-admin", **parameters: Any) -> dict[str, Any]:
    return stage.call(caller, "organizations", operation, **parameters)


def refusal(stage: Stage, operation: str, caller: str = "management-admin", **parameters: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        ask(stage, operation, caller, **parameters)
    reason = caught.value.fields.get("Reason")
    return f"{caught.value.code} {reason}" if reason else caught.value.code


def invite(stage: Stage, target: str = OUTSIDER, kind: str = "ACCOUNT", **parameters: Any) -> dict[str, Any]:
    answer = ask(stage, "InviteAccountToOrganization", Target={"Id": target, "Type": kind}, **parameters)
    handshake: dict[str, Any] = answer["Handshake"]
    return handshake


def test_an_invited_account_joins_with_the_root_credentials_that_it_had(stage: Stage) -> None:
    created_at = stage.world.account(OUTSIDER).created_at
    handshake = invite(stage, Notes="Welcome", Tags=[{"Key": "team", "Value": "data"}])
    assert (handshake["State"], handshake["Action"]) == ("REQUESTED", "INVITE")
    answer = ask(stage, "AcceptHandshake", "anycompany-data-admin", HandshakeId=handshake["Id"])
    assert answer["Handshake"]["State"] == "ACCEPTED"
    account = ask(stage, "DescribeAccount", AccountId=OUTSIDER)["Account"]
    assert (account["JoinedMethod"], account["JoinedTimestamp"], account["State"]) == ("INVITED", stage.now, "ACTIVE")
    shown = next(one for one in stage.world.describe()["accounts"] if one["account_id"] == OUTSIDER)
    assert (shown["ou_path"], shown["tags"]) == ("Root", {"team": "data"})
    assert (shown["root_user"]["password"], len(shown["root_user"]["access_keys"])) == (True, 1)
    session = stage.root_session(OUTSIDER, "IAMDeleteRootUserCredentials")
    assert stage.call(session, "iam", "GetUser")["User"]["CreateDate"] == created_at
    stage.call(session, "iam", "DeleteLoginProfile")


def test_the_invited_account_hears_of_it_by_mail_and_by_its_list(stage: Stage) -> None:
    handshake = invite(stage, "data@example.net", "EMAIL")
    assert handshake["Parties"][1] == {"Id": "data@example.net", "Type": "EMAIL"}
    mail = stage.world.mailbox("data@example.net")
    assert len(mail) == 1
    assert handshake["Id"] in str(mail[0]["body"])
    assert ask(stage, "ListHandshakesForAccount", "anycompany-data-admin")["Handshakes"] == [handshake]
    assert ask(stage, "ListHandshakesForAccount", "anycompany-labs-root")["Handshakes"] == []
    assert ask(stage, "ListHandshakesForOrganization")["Handshakes"] == [handshake]
    described = ask(stage, "DescribeHandshake", "anycompany-data-admin", HandshakeId=handshake["Id"])
    assert described["Handshake"] == handshake


@pytest.mark.parametrize(
    ("target", "kind", "code"),
    [
        ("123456789012", "ACCOUNT", "InvalidInputException INVALID_PARTY_TYPE_TARGET"),
        ("unknown@example.com", "EMAIL", "InvalidInputException INVALID_PARTY_TYPE_TARGET"),
        ("o-examplemerge", "ORGANIZATION", "InvalidInputException INVALID_PARTY_TYPE_TARGET"),
        ("333344445555", "ACCOUNT", "HandshakeConstraintViolationException ALREADY_IN_AN_ORGANIZATION"),
        ("shop@example.com", "EMAIL", "HandshakeConstraintViolationException ALREADY_IN_AN_ORGANIZATION"),
    ],
)
def test_who_cannot_be_invited(stage: Stage, target: str, kind: str, code: str) -> None:
    assert refusal(stage, "InviteAccountToOrganization", Target={"Id": target, "Type": kind}) == code
    assert ask(stage, "ListHandshakesForOrganization")["Handshakes"] == []


def test_a_second_invitation_waits_for_the_end_of_the_first(stage: Stage) -> None:
    first = invite(stage)
    again: dict[str, Any] = {"Target": {"Id": OUTSIDER, "Type": "ACCOUNT"}}
    assert refusal(stage, "InviteAccountToOrganization", **again) == "DuplicateHandshakeException"
    ask(stage, "CancelHandshake", HandshakeId=first["Id"])
    assert invite(stage)["Id"] != first["Id"]


def test_only_the_recipient_answers_and_only_the_sender_cancels(stage: Stage) -> None:
    handshake = {"HandshakeId": invite(stage)["Id"]}
    for caller in ("management-admin", "anycompany-labs-root"):
        assert refusal(stage, "AcceptHandshake", caller, **handshake) == "AccessDeniedException"
        assert refusal(stage, "DeclineHandshake", caller, **handshake) == "AccessDeniedException"
    assert refusal(stage, "CancelHandshake", "anycompany-data-admin", **handshake) == "AccessDeniedException"
    assert refusal(stage, "DescribeHandshake", "anycompany-labs-root", **handshake) == "AccessDeniedException"


def test_an_answered_invitation_stays_answered(stage: Stage) -> None:
    handshake = {"HandshakeId": invite(stage)["Id"]}
    declined = ask(stage, "DeclineHandshake", "anycompany-data-admin", **handshake)["Handshake"]
    assert declined["State"] == "DECLINED"
    code = refusal(stage, "DeclineHandshake", "anycompany-data-admin", **handshake)
    assert code == "HandshakeAlreadyInStateException"
    code = refusal(stage, "AcceptHandshake", "anycompany-data-admin", **handshake)
    assert code == "InvalidHandshakeTransitionException"
    assert refusal(stage, "CancelHandshake", **handshake) == "InvalidHandshakeTransitionException"


def test_an_invitation_expires_after_fifteen_days_and_is_forgotten_after_thirty_more(stage: Stage) -> None:
    handshake = {"HandshakeId": invite(stage)["Id"]}
    stage.advance(15 * DAY)
    assert ask(stage, "DescribeHandshake", **handshake)["Handshake"]["State"] == "EXPIRED"
    code = refusal(stage, "AcceptHandshake", "anycompany-data-admin", **handshake)
    assert code == "InvalidHandshakeTransitionException"
    stage.advance(30 * DAY)
    assert refusal(stage, "DescribeHandshake", **handshake) == "HandshakeNotFoundException"
    assert ask(stage, "ListHandshakesForOrganization")["Handshakes"] == []


def test_there_are_no_handshakes_of_other_kinds(stage: Stage) -> None:
    invite(stage)
    other: dict[str, Any] = {"Filter": {"ActionType": "ENABLE_ALL_FEATURES"}}
    assert ask(stage, "ListHandshakesForOrganization", **other)["Handshakes"] == []
    assert len(ask(stage, "ListHandshakesForOrganization", Filter={"ActionType": "INVITE"})["Handshakes"]) == 1


def test_an_account_that_left_can_be_invited_again_and_leave_at_once(stage: Stage) -> None:
    handshake = invite(stage)
    ask(stage, "AcceptHandshake", "anycompany-data-admin", HandshakeId=handshake["Id"])
    ask(stage, "LeaveOrganization", "anycompany-data-admin")
    handshake = invite(stage)
    ask(stage, "AcceptHandshake", "anycompany-data-admin", HandshakeId=handshake["Id"])
    assert stage.world.is_in_organization(OUTSIDER)
