"""What passkeys are asked, and which answers are right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rootkeeper.access.factors import (
    RelyingParty,
    ask_to_prove,
    ask_to_register,
    check_proof,
    check_registration,
    find_passkey,
    read_challenge,
)
from rootkeeper.access.rules import Factor, FactorKind, Passkey
from rootkeeper.errors import FactorRefusedError, InputError
from tests.fakes.authenticators import SoftPasskey
from tests.fakes.clock import START

SITE = RelyingParty("rootkeeper.example.com", "https://rootkeeper.example.com")


FACTOR = Factor("f-1", "u-1", FactorKind.PASSKEY, None, START)


def make_device() -> SoftPasskey:
    return SoftPasskey(SITE.origin, SITE.host)


def register(device: SoftPasskey) -> Passkey:
    question = ask_to_register(SITE, "u-1", "ana", ())
    answer = device.register(question.options)
    assert read_challenge(answer) == question.challenge
    return check_registration(answer, SITE, question.challenge, FACTOR)


def test_a_device_is_registered_and_proves_itself() -> None:
    device = make_device()
    passkey = register(device)
    question = ask_to_prove(SITE, (passkey,))
    answer = device.prove(question.options)
    assert find_passkey(answer, (passkey,)) == passkey
    assert check_proof(answer, SITE, question.challenge, passkey) == 1


def test_each_question_is_another_one_and_names_what_is_known() -> None:
    passkey = register(make_device())
    first, second = (ask_to_register(SITE, "u-1", "ana", (passkey,)) for _ in range(2))
    assert first.challenge != second.challenge
    assert len(first.challenge) >= 32
    assert first.options["rp"] == {"name": "Rootkeeper", "id": SITE.host}
    assert len(first.options["excludeCredentials"]) == 1
    assert ask_to_prove(SITE, (passkey,)).options["allowCredentials"] == first.options["excludeCredentials"]


def test_a_user_without_a_passkey_isnt_asked_for_one() -> None:
    with pytest.raises(InputError, match="No passkey"):
        ask_to_prove(SITE, ())


@pytest.mark.parametrize(
    ("host", "origin", "hint"),
    [
        ("127.0.0.1", "http://127.0.0.1:8700", "http://localhost:8700"),
        ("192.0.2.7", "https://192.0.2.7", "the server's name"),
        ("2001:db8::7", "https://[2001:db8::7]", "the server's name"),
    ],
)
def test_for_a_bare_address_nothing_is_asked(host: str, origin: str, hint: str) -> None:
    with pytest.raises(InputError, match="IP address") as caught:
        ask_to_register(RelyingParty(host, origin), "u-1", "ana", ())
    assert hint in (caught.value.hint or "")


def test_an_answer_to_another_question_or_another_site_isnt_taken() -> None:
    device = make_device()
    passkey = register(device)
    question, other = ask_to_prove(SITE, (passkey,)), ask_to_prove(SITE, (passkey,))
    answer = device.prove(question.options)
    for site, challenge in (
        (SITE, other.challenge),
        (RelyingParty(SITE.host, "https://evil.example"), question.challenge),
        (RelyingParty("evil.example", SITE.origin), question.challenge),
    ):
        with pytest.raises(FactorRefusedError):
            check_proof(answer, site, challenge, passkey)


def test_a_registration_is_no_proof_and_a_proof_no_registration() -> None:
    device = make_device()
    passkey = register(device)
    question = ask_to_prove(SITE, (passkey,))
    with pytest.raises(FactorRefusedError):
        check_proof(device.register(question.options), SITE, question.challenge, passkey)
    with pytest.raises(FactorRefusedError):
        check_registration(device.prove(question.options), SITE, question.challenge, FACTOR)


def test_the_browser_is_told_to_require_user_verification() -> None:
    passkey = register(make_device())
    new = ask_to_register(SITE, "u-1", "ana", ()).options
    assert new["authenticatorSelection"]["userVerification"] == "required"
    assert ask_to_prove(SITE, (passkey,)).options["userVerification"] == "required"


@pytest.mark.parametrize("wrong", [{"verifies_user": False}, {"is_cross_origin": True}], ids=["unverified", "framed"])
def test_a_new_passkey_without_user_verification_or_from_a_foreign_frame_is_refused(wrong: dict[str, Any]) -> None:
    question = ask_to_register(SITE, "u-1", "ana", ())
    answer = replace(make_device(), **wrong).register(question.options)
    with pytest.raises(FactorRefusedError):
        check_registration(answer, SITE, question.challenge, FACTOR)


@pytest.mark.parametrize("wrong", [{"verifies_user": False}, {"is_cross_origin": True}], ids=["unverified", "framed"])
def test_a_proof_without_user_verification_or_from_a_foreign_frame_is_refused(wrong: dict[str, Any]) -> None:
    device = make_device()
    passkey = register(device)
    question = ask_to_prove(SITE, (passkey,))
    with pytest.raises(FactorRefusedError):
        check_proof(replace(device, **wrong).prove(question.options), SITE, question.challenge, passkey)


def test_a_count_that_doesnt_grow_shows_a_copy() -> None:
    device = make_device()
    passkey = register(device)
    used = Passkey(passkey.factor, passkey.credential_id, passkey.public_key, 5)
    question = ask_to_prove(SITE, (used,))
    with pytest.raises(FactorRefusedError):
        check_proof(device.prove(question.options), SITE, question.challenge, used)


def spoil(answer: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    response = dict(answer["response"])
    if path in response:
        return {**answer, "response": {**response, path: value}}
    return {**answer, path: value}


@pytest.mark.parametrize(
    "path", ["id", "rawId", "type", "response", "clientDataJSON", "authenticatorData", "signature"]
)
@pytest.mark.parametrize("value", [None, 5, "", "AAAA", [], {}, "\xff", "e30", "bnVsbA"])
def test_an_answer_that_was_spoiled_anywhere_is_refused_and_breaks_nothing(path: str, value: object) -> None:
    device = make_device()
    passkey = register(device)
    question = ask_to_prove(SITE, (passkey,))
    spoiled = spoil(device.prove(question.options), path, value)
    with pytest.raises(FactorRefusedError):
        take_whole(spoiled, question.challenge, passkey)


def take_whole(answer: dict[str, Any], challenge: bytes, passkey: Passkey) -> None:
    """All steps that an answer goes through."""
    if read_challenge(answer) != challenge:
        raise FactorRefusedError("It answers another question.")
    check_proof(answer, SITE, challenge, find_passkey(answer, (passkey,)))


@pytest.mark.parametrize("value", [None, 5, "", "AAAA", "oWNmbXRkbm9uZQ", "ow", "v2Nmb28", [], {}])
def test_a_registration_that_was_spoiled_is_refused_and_breaks_nothing(value: object) -> None:
    question = ask_to_register(SITE, "u-1", "ana", ())
    spoiled = spoil(make_device().register(question.options), "attestationObject", value)
    with pytest.raises(FactorRefusedError):
        check_registration(spoiled, SITE, question.challenge, FACTOR)
