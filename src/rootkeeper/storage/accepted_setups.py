"""Accepted set-ups and daily readings of the set-up in the database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select

from rootkeeper.domain.ledger import render_time
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.setup import Feature, Setup
from rootkeeper.domain.setup_drift import AcceptedSetup, Guardrail, SetupState
from rootkeeper.storage import schema
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import WriteTransaction

_accepted = schema.accepted_setups.c
_readings = schema.setup_readings.c


class SqlAcceptedSetups:
    """The set-ups of one organization; implements the port AcceptedSetups."""

    def __init__(self, store: Store, commits: GroupCommit, organization_id: str) -> None:
        self._store = store
        self._commits = commits
        self._organization_id = organization_id

    def add(self, accepted: AcceptedSetup) -> None:
        statement = insert(schema.accepted_setups).values(
            organization_id=self._organization_id,
            ledger_sequence=accepted.ledger_sequence,
            accepted_at=accepted.accepted_at,
            accepted_by=accepted.accepted_by,
            state=_describe_state(accepted.state),
        )

        def work(transaction: WriteTransaction) -> None:
            transaction.connection.execute(statement)

        self._commits.run(work)

    def find_last(self, until: datetime | None = None) -> AcceptedSetup | None:
        statement = select(schema.accepted_setups).where(_accepted.organization_id == self._organization_id)
        if until is not None:
            statement = statement.where(_accepted.accepted_at <= until)
        with reading(self._store) as connection:
            row = connection.execute(statement.order_by(_accepted.ledger_sequence.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        return AcceptedSetup(_parse_state(row.state), row.accepted_at, row.accepted_by, row.ledger_sequence)

    def save_reading(self, state: SetupState) -> None:
        """An audit's reading is saved at its end: a newer one of the same day may be there by then, and stays."""
        own = {
            "organization_id": self._organization_id,
            "read_on": state.read_at.astimezone(UTC).date().isoformat(),
        }
        is_same_day = (_readings.organization_id == own["organization_id"]) & (_readings.read_on == own["read_on"])
        new = insert(schema.setup_readings).values(**own, read_at=state.read_at, state=_describe_state(state))

        def work(transaction: WriteTransaction) -> None:
            known = transaction.connection.execute(select(_readings.read_at).where(is_same_day)).scalar_one_or_none()
            if known is None or known <= state.read_at:
                transaction.connection.execute(delete(schema.setup_readings).where(is_same_day))
                transaction.connection.execute(new)

        self._commits.run(work)

    def find_last_reading(self, until: datetime | None = None) -> SetupState | None:
        statement = select(_readings.state).where(_readings.organization_id == self._organization_id)
        if until is not None:
            statement = statement.where(_readings.read_at <= until)
        with reading(self._store) as connection:
            found = connection.execute(statement.order_by(_readings.read_at.desc()).limit(1)).scalar_one_or_none()
        return None if found is None else _parse_state(found)


def _describe_state(state: SetupState) -> dict[str, Any]:
    setup, guardrails = state.setup, state.guardrails
    return {
        "trusted_access": setup.trusted_access,
        "features": None if setup.features is None else sorted(feature.value for feature in setup.features),
        "delegated_administrators": (
            None if setup.delegated_administrators is None else list(setup.delegated_administrators)
        ),
        "unknown": list(setup.unknown),
        "guardrails": None if guardrails is None else [_describe_guardrail(guardrail) for guardrail in guardrails],
        "guardrails_unknown": state.guardrails_unknown,
        "read_at": render_time(state.read_at),
        "endpoint": state.endpoint,
        "caller_arn": state.caller_arn,
    }


def _describe_guardrail(guardrail: Guardrail) -> dict[str, Any]:
    return {
        "policy_id": guardrail.policy_id,
        "name": guardrail.name,
        "kind": guardrail.kind,
        "content_hash": guardrail.content_hash,
        "attached_to": list(guardrail.attached_to),
    }


def _parse_state(content: dict[str, Any]) -> SetupState:
    features, delegates, guardrails = (content[name] for name in ("features", "delegated_administrators", "guardrails"))
    return SetupState(
        setup=Setup(
            trusted_access=content["trusted_access"],
            features=None if features is None else frozenset(map(Feature, features)),
            delegated_administrators=None if delegates is None else tuple(map(AccountId, delegates)),
            unknown=tuple(content["unknown"]),
        ),
        guardrails=None if guardrails is None else tuple(_parse_guardrail(one) for one in guardrails),
        guardrails_unknown=content["guardrails_unknown"],
        read_at=datetime.fromisoformat(content["read_at"]),
        endpoint=content["endpoint"],
        caller_arn=content["caller_arn"],
    )


def _parse_guardrail(content: dict[str, Any]) -> Guardrail:
    return Guardrail(**{**content, "attached_to": tuple(content["attached_to"])})
