"""The first misfit of a chain: which entry, and what was done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.ledger.rules import (
    GENESIS_HASH,
    Action,
    Actor,
    ActorKind,
    ChainBreakKind,
    LedgerEntry,
    OpenIntents,
    Phase,
    Result,
    compute_entry_hash,
    find_first_chain_break,
)
from rootkeeper.organization.accounts import AccountId

Chain = list[LedgerEntry]
START = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)


def hashed(entry: LedgerEntry) -> LedgerEntry:
    return replace(entry, entry_hash=compute_entry_hash(entry))


def make_entry(sequence: int, previous_hash: str, intent_sequence: int | None, phase: Phase) -> LedgerEntry:
    return hashed(
        LedgerEntry(
            sequence=sequence,
            at=START + timedelta(seconds=sequence),
            organization_id="o-exampleorgid",
            endpoint="AWS",
            actor=Actor("operator", ActorKind.SELF_ASSERTED),
            action=Action.ACCESS_KEY_DELETE,
            account_id=AccountId("111122223333"),
            parameters={"number": sequence},
            phase=phase,
            owner_id="owner",
            intent_sequence=intent_sequence,
            result=Result.DONE if phase is Phase.OUTCOME else None,
            previous_hash=previous_hash,
            entry_hash="",
        )
    )


def make_chain(length: int) -> Chain:
    """Intents at odd places, their outcomes at even ones."""
    chain: Chain = []
    for sequence in range(1, length + 1):
        previous_hash = chain[-1].entry_hash if chain else GENESIS_HASH
        is_intent = sequence % 2 == 1
        chain.append(
            make_entry(
                sequence,
                previous_hash,
                None if is_intent else sequence - 1,
                Phase.INTENT if is_intent else Phase.OUTCOME,
            )
        )
    return chain


def renumber(chain: Chain) -> Chain:
    return [replace(entry, sequence=position) for position, entry in enumerate(chain, start=1)]


def rehash(chain: Chain) -> Chain:
    """Chain everything again, as an attacker who can write the database would."""
    done: Chain = []
    for entry in renumber(chain):
        previous_hash = done[-1].entry_hash if done else GENESIS_HASH
        done.append(hashed(replace(entry, previous_hash=previous_hash)))
    return done


def edit(chain: Chain) -> Chain:
    chain[4] = replace(chain[4], actor=Actor("another user", ActorKind.SIGNED_IN))
    return chain


def edit_and_hash(chain: Chain) -> Chain:
    chain[4] = hashed(replace(chain[4], parameters={"number": 99}))
    return chain


def relink_one(chain: Chain) -> Chain:
    chain[4] = hashed(replace(chain[4], previous_hash="f" * 64))
    return chain


def forge_hash_alone(chain: Chain) -> Chain:
    chain[4] = replace(chain[4], entry_hash="f" * 64)
    return chain


def remove(chain: Chain) -> Chain:
    del chain[4]
    return chain


def remove_several(chain: Chain) -> Chain:
    del chain[4:7]
    return chain


def remove_and_renumber(chain: Chain) -> Chain:
    del chain[4]
    return renumber(chain)


def remove_the_first_and_renumber(chain: Chain) -> Chain:
    del chain[0]
    return renumber(chain)


def remove_the_last_but_one_and_renumber(chain: Chain) -> Chain:
    del chain[-2]
    return renumber(chain)


def exchange(chain: Chain) -> Chain:
    chain[4], chain[5] = chain[5], chain[4]
    return chain


def exchange_distant(chain: Chain) -> Chain:
    chain[4], chain[8] = chain[8], chain[4]
    return chain


def exchange_and_renumber(chain: Chain) -> Chain:
    return renumber(exchange(chain))


def exchange_distant_and_renumber(chain: Chain) -> Chain:
    return renumber(exchange_distant(chain))


def forged(chain: Chain) -> LedgerEntry:
    return make_entry(5, chain[3].entry_hash, None, Phase.OUTCOME)


def insert(chain: Chain) -> Chain:
    return renumber([*chain[:4], replace(forged(chain), entry_hash="f" * 64), *chain[4:]])


def insert_well_chained(chain: Chain) -> Chain:
    return renumber([*chain[:4], forged(chain), *chain[4:]])


def repeat(chain: Chain) -> Chain:
    return [*chain[:5], chain[4], *chain[5:]]


def answer_twice(chain: Chain) -> Chain:
    chain[5] = replace(chain[5], intent_sequence=3)
    return rehash(chain)


def answer_nothing(chain: Chain) -> Chain:
    chain[5] = replace(chain[5], intent_sequence=2)
    return rehash(chain)


@pytest.mark.parametrize(
    ("tamper", "sequence", "kind"),
    [
        (edit, 5, ChainBreakKind.EDITED),
        (edit_and_hash, 5, ChainBreakKind.EDITED),
        (relink_one, 5, ChainBreakKind.EDITED),
        (forge_hash_alone, 5, ChainBreakKind.EDITED),
        (remove, 5, ChainBreakKind.REMOVED),
        (remove_several, 5, ChainBreakKind.REMOVED),
        (remove_and_renumber, 5, ChainBreakKind.REMOVED),
        (remove_the_first_and_renumber, 1, ChainBreakKind.REMOVED),
        (remove_the_last_but_one_and_renumber, 11, ChainBreakKind.REMOVED),
        (exchange, 5, ChainBreakKind.REORDERED),
        (exchange_distant, 5, ChainBreakKind.REORDERED),
        (exchange_and_renumber, 5, ChainBreakKind.REORDERED),
        (exchange_distant_and_renumber, 5, ChainBreakKind.REORDERED),
        (insert, 5, ChainBreakKind.INSERTED),
        (insert_well_chained, 5, ChainBreakKind.INSERTED),
        (repeat, 5, ChainBreakKind.INSERTED),
        (answer_twice, 6, ChainBreakKind.UNMATCHED),
        (answer_nothing, 6, ChainBreakKind.UNMATCHED),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_p20_the_first_misfit_is_named_with_what_was_done(
    tamper: Callable[[Chain], Chain], sequence: int, kind: ChainBreakKind
) -> None:
    chain_break = find_first_chain_break(tamper(make_chain(12)))
    assert chain_break is not None
    assert (chain_break.sequence, chain_break.kind) == (sequence, kind)
    assert str(sequence) in chain_break.problem


def test_an_untouched_chain_fits() -> None:
    assert find_first_chain_break(make_chain(40)) is None
    assert find_first_chain_break([]) is None


def test_intents_without_an_outcome_are_left_over() -> None:
    intents = OpenIntents()
    assert find_first_chain_break(make_chain(7), intents) is None
    assert intents.sequences() == {7}


def test_a_part_of_a_ledger_may_end_intents_that_stand_elsewhere() -> None:
    chain = answer_nothing(make_chain(12))
    assert find_first_chain_break(chain, checks_outcomes=False) is None


def test_an_entry_that_was_edited_into_something_without_a_hash_is_named() -> None:
    chain = make_chain(6)
    chain[2] = replace(chain[2], parameters={"number": 2**80})
    chain_break = find_first_chain_break(chain)
    assert chain_break is not None
    assert (chain_break.sequence, chain_break.kind) == (3, ChainBreakKind.EDITED)


@given(st.integers(0, 9), st.sampled_from(["name", "account_id", "result", "parameters", "at"]))
def test_p20_an_edit_anywhere_is_found_at_its_place(position: int, field: str) -> None:
    chain = make_chain(10)
    entry = chain[position]
    changes: dict[str, object] = {
        "name": {"actor": replace(entry.actor, name="x")},
        "account_id": {"account_id": AccountId("444455556666")},
        "result": {"result": Result.UNKNOWN},
        "parameters": {"parameters": {"number": -1}},
        "at": {"at": entry.at + timedelta(microseconds=1)},
    }
    chain[position] = replace(entry, **changes[field])  # type: ignore[arg-type]  # one of several fields
    chain_break = find_first_chain_break(chain)
    assert chain_break is not None
    assert chain_break.sequence == position + 1


@given(st.integers(0, 9))
def test_p20_a_removal_anywhere_but_at_the_end_is_found_at_its_place(position: int) -> None:
    chain = make_chain(11)
    del chain[position]
    for candidate in (chain, renumber(chain)):
        chain_break = find_first_chain_break(candidate)
        assert chain_break is not None
        assert (chain_break.sequence, chain_break.kind) == (position + 1, ChainBreakKind.REMOVED)
