from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

import pytest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.roles import (
    LIFETIME_SECONDS,
    PAUSE_SECONDS,
    RENEWED_BEFORE_END_SECONDS,
    UNUSED_BEFORE_END_SECONDS,
    RoleAssumer,
    RoleCredentials,
    make_session_name,
    require_role_arn,
)
from rootkeeper.errors import AwsCredentialsError, AwsUnreachableError, RootkeeperError, SettingsError
from tests.fakes.aws_server import FakeAwsServer, Reply, answer_xml, error_xml
from tests.fakes.clock import FakeClock

ROLE = "arn:aws:iam::111122223333:role/rootkeeper-audit"


def answer_role(number: int = 1) -> Reply:
    return answer_xml(
        "AssumeRole",
        f"<Credentials><AccessKeyId>ASIAEXAMPLE{number}</AccessKeyId><SecretAccessKey>canary-secret</SecretAccessKey>"
        "<SessionToken>canary-token</SessionToken><Expiration>2026-01-01T00:00:00Z</Expiration></Credentials>",
    )


@pytest.fixture
def role(clients: AwsClients, aws_server: FakeAwsServer) -> RoleAssumer:
    return RoleAssumer(ROLE, "ana@example.com", clients.sts)


@pytest.fixture
def credentials(role: RoleAssumer, clock: FakeClock) -> RoleCredentials:
    return RoleCredentials(role, clock)


@pytest.mark.parametrize("name", ["ana", "ana@example.com", "o_O+=,.@-", "x" * 64, "rootkeeper"])
def test_a_name_that_aws_takes_stays_as_it_is(name: str) -> None:
    assert make_session_name(name) == name


@pytest.mark.parametrize("name", ["", "a", "Ana Example", "x" * 65, "ünal", "a:b", "a\nb", "😀"])
def test_any_other_name_is_made_one_that_aws_takes(name: str) -> None:
    made = make_session_name(name)
    assert 2 <= len(made) <= 64
    assert made.isascii()
    assert all(character.isalnum() or character in "_+=,.@-" for character in made)


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_two_persons_share_a_name(one: str, other: str) -> None:
    assert (make_session_name(one) == make_session_name(other)) == (one == other)


def test_names_that_differ_only_in_what_aws_does_not_take_stay_apart() -> None:
    assert len({make_session_name(name) for name in ("a b", "a:b", "a-b")}) == 3


@pytest.mark.parametrize(
    "arn", ["", "rootkeeper-audit", "arn:aws:iam::1111:role/x", "arn:aws:iam::111122223333:user/x", ROLE + "\n"]
)
def test_what_is_no_role_s_arn_is_refused_with_its_setting(arn: str) -> None:
    with pytest.raises(SettingsError, match=r"aws\.roles\.audit"):
        require_role_arn(arn, "aws.roles.audit")


@pytest.mark.parametrize("arn", [ROLE, "arn:aws-us-gov:iam::111122223333:role/path/to/x"])
def test_the_arn_of_a_role_is_taken(arn: str) -> None:
    require_role_arn(arn, "aws.roles.audit")


def test_p31_the_session_bears_the_person_s_name_twice(role: RoleAssumer, aws_server: FakeAwsServer) -> None:
    aws_server.answer("AssumeRole", answer_role())
    assert role.assume().access_key == "ASIAEXAMPLE1"
    (sent,) = aws_server.received
    assert "RoleSessionName=ana%40example.com" in sent.parameters
    assert "SourceIdentity=ana%40example.com" in sent.parameters
    assert f"DurationSeconds={LIFETIME_SECONDS}" in sent.parameters


def test_a_refusal_names_role_and_person_and_what_to_look_at(role: RoleAssumer, aws_server: FakeAwsServer) -> None:
    aws_server.answer("AssumeRole", error_xml("AccessDenied", 403))
    with pytest.raises(AwsCredentialsError) as caught:
        role.assume()
    assert ROLE in caught.value.message
    assert "ana@example.com" in caught.value.message
    assert caught.value.hint
    assert caught.value.aws_code == "AccessDenied"


def test_an_answer_without_credentials_is_no_answer(role: RoleAssumer, aws_server: FakeAwsServer) -> None:
    aws_server.answer("AssumeRole", answer_xml("AssumeRole", "<PackedPolicySize>1</PackedPolicySize>"))
    with pytest.raises(AwsUnreachableError):
        role.assume()


def test_nothing_is_assumed_before_it_is_needed_and_then_once(
    credentials: RoleCredentials, aws_server: FakeAwsServer
) -> None:
    assert aws_server.received == []
    aws_server.answer("AssumeRole", answer_role())
    assert credentials.freeze() == credentials.freeze()
    assert aws_server.operations == ["AssumeRole"]


def test_a_session_is_renewed_well_before_its_end(
    credentials: RoleCredentials, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("AssumeRole", answer_role(1), answer_role(2))
    credentials.freeze()
    clock.advance(LIFETIME_SECONDS - RENEWED_BEFORE_END_SECONDS - 1)
    credentials.freeze()
    assert aws_server.operations == ["AssumeRole"]
    clock.advance(2)
    credentials.freeze()
    assert credentials.freeze().access_key == "ASIAEXAMPLE2"
    assert aws_server.operations == ["AssumeRole"] * 2


def test_while_a_session_holds_a_failure_to_renew_it_is_tried_again_after_a_pause(
    credentials: RoleCredentials, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("AssumeRole", answer_role(), error_xml("AccessDenied", 403))
    credentials.freeze()
    clock.advance(LIFETIME_SECONDS - RENEWED_BEFORE_END_SECONDS + 1)
    for _ in range(5):
        assert credentials.freeze().access_key == "ASIAEXAMPLE1"
    assert len(aws_server.received) == 2
    clock.advance(PAUSE_SECONDS + 1)
    assert credentials.freeze().access_key == "ASIAEXAMPLE1"
    assert len(aws_server.received) == 3


def test_a_session_at_its_end_is_not_used_any_more(
    credentials: RoleCredentials, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("AssumeRole", answer_role(), error_xml("AccessDenied", 403))
    credentials.freeze()
    clock.advance(LIFETIME_SECONDS - UNUSED_BEFORE_END_SECONDS)
    with pytest.raises(AwsCredentialsError):
        credentials.freeze()


def test_a_jump_of_the_wall_clock_changes_nothing(
    credentials: RoleCredentials, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("AssumeRole", answer_role(1), answer_role(2))
    credentials.freeze()
    for hours in (5, -10):
        clock.jump(hours * 3600)
        assert credentials.freeze().access_key == "ASIAEXAMPLE1"


def test_what_was_given_up_is_assumed_again(credentials: RoleCredentials, aws_server: FakeAwsServer) -> None:
    aws_server.answer("AssumeRole", answer_role(1), answer_role(2))
    credentials.freeze()
    credentials.give_up()
    assert credentials.freeze().access_key == "ASIAEXAMPLE2"


def test_renewing_takes_a_new_session_and_a_failure_leaves_the_old_one(
    credentials: RoleCredentials, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("AssumeRole", answer_role(1), answer_role(2), error_xml("AccessDenied", 403))
    credentials.freeze()
    credentials.renew()
    with pytest.raises(AwsCredentialsError):
        credentials.renew()
    assert credentials.freeze().access_key == "ASIAEXAMPLE2"


@dataclass
class SlowRole:
    """Assumes the role when the test allows it."""

    role_arn = ROLE
    session_name = "ana"
    begun: Event
    may_end: Event
    count: int = 0

    def assume(self) -> ReadOnlyCredentials:
        self.count += 1
        self.begun.set()
        self.may_end.wait(60)
        return ReadOnlyCredentials(f"ASIA{self.count}", "secret", "token", None)


def test_many_threads_assume_once_and_who_holds_a_session_does_not_wait(clock: FakeClock) -> None:
    role = SlowRole(Event(), Event())
    credentials = RoleCredentials(role, clock)  # type: ignore[arg-type]  # as much of a role as is used
    with ThreadPoolExecutor(8) as threads:
        first = [threads.submit(credentials.freeze) for _ in range(8)]
        role.begun.wait(60)
        role.may_end.set()
        assert {future.result(60).access_key for future in first} == {"ASIA1"}
        role.begun.clear()
        role.may_end.clear()
        clock.advance(LIFETIME_SECONDS - RENEWED_BEFORE_END_SECONDS + 1)
        renewing = threads.submit(credentials.freeze)
        role.begun.wait(60)
        assert credentials.freeze().access_key == "ASIA1"
        role.may_end.set()
        renewing.result(60)
    assert credentials.freeze().access_key == "ASIA2"
    assert role.count == 2


def test_p08_neither_secret_nor_token_is_shown_or_copied(
    credentials: RoleCredentials, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("AssumeRole", answer_role())
    credentials.freeze()
    shown = repr(credentials) + str(credentials) + repr(vars(credentials)["_session"])
    assert "canary" not in shown
    for copying in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copying(credentials)


def test_p08_no_error_shows_a_secret(role: RoleAssumer, aws_server: FakeAwsServer) -> None:
    aws_server.answer("AssumeRole", error_xml("InvalidClientTokenId", 403))
    with pytest.raises(RootkeeperError) as caught:
        role.assume()
    assert "example-secret" not in repr(caught.value) + caught.value.message + str(caught.value.hint)
