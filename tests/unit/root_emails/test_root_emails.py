"""Root e-mail addresses, held to the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.errors import InputError, SettingsError
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Inventory, Organization
from rootkeeper.organization.statuses import AccountRole, FailOn
from rootkeeper.root_emails.rules import (
    EXPLANATIONS,
    EmailAttestation,
    EmailReason,
    EmailRules,
    EmailVerdict,
    GroupBasis,
    RootEmail,
    RootEmailEvaluator,
    count_verdicts,
    find_holders,
    has_email_findings,
    parse_address,
    parse_rules,
    require_attestation,
)

NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
MANAGEMENT, DELEGATE, MEMBER = (AccountId(text) for text in ("111122223333", "222233334444", "444455556666"))
GROUP = "aws@example.com"
RULES = parse_rules(["example.com", "*.example.org"], "", [GROUP])


def attest(address: str, days: int = 30) -> EmailAttestation:
    return EmailAttestation(address, "Nikki Wolf", NOW + timedelta(days=days), "operator", NOW)


def evaluate_all(
    emails: Mapping[AccountId, str],
    rules: EmailRules = RULES,
    attestations: tuple[EmailAttestation, ...] = (),
    states: Mapping[AccountId, AccountState] | None = None,
) -> dict[AccountId, RootEmail]:
    accounts = tuple(
        Account(one, f"account-{one}", email, (states or {}).get(one, AccountState.ACTIVE), ("r-exam",), "Root")
        for one, email in emails.items()
    )
    inventory = Inventory(
        Organization("o-exampleorgid", MANAGEMENT, has_all_features=True, partition="aws"),
        accounts,
        (),
        NOW,
        delegated_administrator_ids=frozenset({DELEGATE}),
    )
    evaluated = RootEmailEvaluator(rules, {one.address: one for one in attestations}, NOW).evaluate_all(inventory)
    assert [one.account for one in evaluated] == list(accounts)
    return {one.account.account_id: one for one in evaluated}


def judge(email: str, rules: EmailRules = RULES, *attestations: EmailAttestation) -> RootEmail:
    return evaluate_all({MEMBER: email}, rules, attestations)[MEMBER]


CASES: list[tuple[str, EmailVerdict, tuple[EmailReason, ...]]] = [
    (GROUP, EmailVerdict.PASS, ()),
    ("AWS@Example.COM", EmailVerdict.PASS, ()),
    ("aws+shop@example.com", EmailVerdict.PASS, ()),
    ("aws+shop+more@example.com", EmailVerdict.PASS, ()),
    ("awsx@example.com", EmailVerdict.FAIL, (EmailReason.NOT_A_GROUP,)),
    ("li.juan@example.com", EmailVerdict.FAIL, (EmailReason.NOT_A_GROUP,)),
    ("aws@example.net", EmailVerdict.FAIL, (EmailReason.DOMAIN_NOT_ALLOWED, EmailReason.NOT_A_GROUP)),
    ("aws@mail.example.com", EmailVerdict.FAIL, (EmailReason.DOMAIN_NOT_ALLOWED, EmailReason.NOT_A_GROUP)),
    ("aws@evilexample.com", EmailVerdict.FAIL, (EmailReason.DOMAIN_NOT_ALLOWED, EmailReason.NOT_A_GROUP)),
    ("aws@example.com.evil.net", EmailVerdict.FAIL, (EmailReason.DOMAIN_NOT_ALLOWED, EmailReason.NOT_A_GROUP)),
    ("aws@a.example.org", EmailVerdict.FAIL, (EmailReason.NOT_A_GROUP,)),
    ("aws@example.org", EmailVerdict.FAIL, (EmailReason.DOMAIN_NOT_ALLOWED, EmailReason.NOT_A_GROUP)),
    ("aws@ex\u0430mple.com", EmailVerdict.FAIL, (EmailReason.MALFORMED,)),
    ("unknown", EmailVerdict.FAIL, (EmailReason.MALFORMED,)),
    ("aws@example.com\nBcc: x@example.net", EmailVerdict.FAIL, (EmailReason.MALFORMED,)),
    ("", EmailVerdict.UNKNOWN, (EmailReason.UNREAD,)),
    ("  ", EmailVerdict.UNKNOWN, (EmailReason.UNREAD,)),
]


@pytest.mark.parametrize(("email", "verdict", "reasons"), CASES)
def test_an_address_is_held_to_the_rules(email: str, verdict: EmailVerdict, reasons: tuple[EmailReason, ...]) -> None:
    found = judge(email)
    assert (found.verdict, found.reasons) == (verdict, reasons)


def test_without_a_list_of_domains_no_address_is_known_to_be_ours() -> None:
    found = judge(GROUP, parse_rules([], "", [GROUP]))
    assert (found.verdict, found.reasons) == (EmailVerdict.UNKNOWN, (EmailReason.DOMAINS_NOT_SET,))


def test_a_breach_outweighs_what_isnt_known() -> None:
    assert judge("li@example.com", parse_rules([], "", [])).verdict is EmailVerdict.FAIL


@pytest.mark.parametrize(
    ("email", "fits"),
    [
        ("aws+shop@example.com", True),
        ("AWS+SHOP@example.com", True),
        ("aws@example.com", False),
        ("aws+shop1@example.com", False),
        ("aws+shop@example.com.example.com", False),
    ],
)
def test_the_approved_pattern_must_match_the_whole_address_regardless_of_its_case(email: str, *, fits: bool) -> None:
    rules = parse_rules(["example.com", "*.example.com"], r"aws\+[a-z]+@example\.com", [GROUP])
    assert (EmailReason.PATTERN_NOT_MATCHED not in judge(email, rules).reasons) is fits


def test_two_accounts_with_one_address_are_both_named_regardless_of_its_case() -> None:
    evaluated = evaluate_all(
        {MEMBER: "aws+a@example.com", DELEGATE: "AWS+a@example.com", MANAGEMENT: "aws+b@example.com"}
    )
    assert evaluated[MEMBER].reasons == evaluated[DELEGATE].reasons == (EmailReason.DUPLICATE,)
    assert evaluated[MEMBER].shared_with == (DELEGATE,)
    assert evaluated[MANAGEMENT].verdict is EmailVerdict.PASS


def test_an_address_that_an_inactive_account_has_too_is_a_duplicate() -> None:
    evaluated = evaluate_all({MEMBER: GROUP, DELEGATE: GROUP}, states={DELEGATE: AccountState.CLOSED})
    assert evaluated[MEMBER].reasons == (EmailReason.DUPLICATE,)
    assert (evaluated[DELEGATE].verdict, evaluated[DELEGATE].reasons) == (
        EmailVerdict.NOT_APPLICABLE,
        (EmailReason.NOT_ACTIVE,),
    )


def test_several_accounts_may_share_a_mailbox_by_plus_addresses() -> None:
    evaluated = evaluate_all({MEMBER: "aws+a@example.com", DELEGATE: "aws+b@example.com"})
    assert {one.verdict for one in evaluated.values()} == {EmailVerdict.PASS}


def test_the_management_account_and_the_failsafe_are_judged_like_any_other() -> None:
    evaluated = evaluate_all({MANAGEMENT: "li@example.com", DELEGATE: GROUP})
    assert (evaluated[MANAGEMENT].role, evaluated[MANAGEMENT].verdict) == (AccountRole.MANAGEMENT, EmailVerdict.FAIL)
    assert (evaluated[DELEGATE].role, evaluated[DELEGATE].verdict) == (AccountRole.FAILSAFE, EmailVerdict.PASS)


def test_an_account_whose_state_isnt_known_is_judged() -> None:
    evaluated = evaluate_all({MEMBER: "li@example.com"}, states={MEMBER: AccountState.UNKNOWN})
    assert evaluated[MEMBER].verdict is EmailVerdict.FAIL


def test_an_attested_address_counts_as_a_groups_until_the_attestation_ends() -> None:
    attestation = attest("li@example.com")
    good = judge("Li@example.com", RULES, attestation)
    assert (good.verdict, good.group_basis) == (EmailVerdict.PASS, GroupBasis.ATTESTATION)
    assert (good.attested_by, good.attested_until) == (attestation.attested_by, attestation.until)
    ended = judge("li@example.com", RULES, replace(attestation, until=NOW))
    assert (ended.verdict, ended.reasons) == (EmailVerdict.FAIL, (EmailReason.ATTESTATION_EXPIRED,))
    assert ended.group_basis is None


def test_attesting_a_mailbox_covers_its_plus_addresses_and_never_the_other_way_round() -> None:
    assert judge("li+shop@example.com", RULES, attest("li@example.com")).verdict is EmailVerdict.PASS
    assert judge("li@example.com", RULES, attest("li+shop@example.com")).reasons == (EmailReason.NOT_A_GROUP,)
    assert judge("li+other@example.com", RULES, attest("li+shop@example.com")).reasons == (EmailReason.NOT_A_GROUP,)
    both = judge("li+shop@example.com", RULES, attest("li@example.com", -1), attest("li+shop@example.com"))
    assert both.verdict is EmailVerdict.PASS


def test_the_settings_say_more_than_an_attestation_that_has_ended() -> None:
    found = judge("aws+shop@example.com", RULES, attest("aws+shop@example.com", -1))
    assert (found.verdict, found.group_basis) == (EmailVerdict.PASS, GroupBasis.SETTINGS)


@pytest.mark.parametrize(
    "text", ["", "x", "x@", "@example.com", "a b@example.com", "x@example", "x@-example.com", "x@@y.z"]
)
def test_what_isnt_an_address_is_refused(text: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_address(text)
    assert raised.value.hint


def test_the_mailbox_of_an_address_that_begins_with_a_plus_sign_is_itself() -> None:
    assert parse_address("+x@example.com").mailbox == "+x@example.com"


@given(local=st.from_regex(r"[a-z0-9.]{1,20}", fullmatch=True), tag=st.from_regex(r"[a-z0-9+]{0,10}", fullmatch=True))
def test_a_plus_address_has_the_mailbox_of_its_base(local: str, tag: str) -> None:
    base = parse_address(f"{local}@example.com")
    assert base.mailbox == str(base)
    assert parse_address(f"{local}+{tag}@EXAMPLE.com").mailbox == str(base)


@given(email=st.text(max_size=40), domains=st.lists(st.sampled_from(["example.com", "*.example.org"]), max_size=2))
def test_nothing_passes_whose_domain_isnt_allowed_and_that_no_group_reads(email: str, domains: list[str]) -> None:
    found = judge(email, parse_rules(domains, "", [GROUP]))
    if found.verdict is EmailVerdict.PASS:
        address = parse_address(email)
        assert address.domain == "example.com" in domains
        assert address.mailbox == GROUP


@pytest.mark.parametrize(
    ("domains", "pattern", "groups", "named"),
    [
        (["example"], "", [], "example"),
        (["@example.com"], "", [], "@example.com"),
        (["*example.com"], "", [], "example.com"),
        ([], "(", [], "approved_pattern"),
        ([], "", ["unknown"], "unknown"),
    ],
)
def test_rules_that_cant_be_understood_are_refused(
    domains: list[str], pattern: str, groups: list[str], named: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_rules(domains, pattern, groups)
    assert named in raised.value.message
    assert raised.value.hint


def test_an_attestation_needs_a_person_and_an_end_to_come() -> None:
    good = attest("li@example.com")
    assert require_attestation(good, NOW) is good
    for bad in (replace(good, attested_by=""), replace(good, until=NOW)):
        with pytest.raises(InputError):
            require_attestation(bad, NOW)


def test_holders_include_accounts_of_every_state() -> None:
    account = Account(MEMBER, "one", " Aws@Example.com ", AccountState.CLOSED, (), "Root")
    assert find_holders([account, replace(account, account_id=DELEGATE)]) == {GROUP: (MEMBER, DELEGATE)}


def test_verdicts_are_counted_and_weighed() -> None:
    evaluated = list(evaluate_all({MEMBER: GROUP, DELEGATE: "li@example.com", MANAGEMENT: ""}).values())
    assert count_verdicts(evaluated) == {"accounts": 3, "fail": 1, "not_applicable": 0, "pass": 1, "unknown": 1}
    assert has_email_findings(evaluated, frozenset({FailOn.PRESENT}))
    assert has_email_findings(evaluated, frozenset({FailOn.UNKNOWN}))
    assert not has_email_findings(evaluated, frozenset({FailOn.NONE}))
    assert not has_email_findings(evaluated[:1], frozenset({FailOn.PRESENT, FailOn.UNKNOWN}))


def test_every_reason_is_explained() -> None:
    assert set(EXPLANATIONS) == set(EmailReason)
