from __future__ import annotations

from rootkeeper.aws.rules import ResourceKind
from rootkeeper.ledger.rules import Action
from rootkeeper.unlock.store import describe_saved, was_saved
from tests.fakes.clock import FakeClock
from tests.fakes.stores import InMemoryLedger
from tests.unit.aws.samples import ACCOUNT, BUCKET, LOCKING, ORGANIZATION, OTHER


def test_a_copy_is_known_by_its_hash_its_bucket_and_its_account() -> None:
    ledger = InMemoryLedger(FakeClock())
    saved = describe_saved(BUCKET, LOCKING, "/policies/one.json")
    assert saved["size_bytes"] == len(LOCKING)
    ledger.append_fact(Action.BUCKET_POLICY_SAVE, account_id=ACCOUNT, parameters=saved)

    def is_known(
        *, text: str = LOCKING, name: str = BUCKET.name, account_id: str = ACCOUNT, kind: ResourceKind = BUCKET.kind
    ) -> bool:
        return was_saved(ledger.entries, ORGANIZATION, account_id, kind, name, text)  # type: ignore[arg-type]  # text

    assert is_known()
    assert not is_known(text=LOCKING + " ")
    assert not is_known(name="another")
    assert not is_known(account_id=OTHER)
    assert not is_known(kind=ResourceKind.QUEUE)
    assert not was_saved(ledger.entries, "o-another00id", ACCOUNT, BUCKET.kind, BUCKET.name, LOCKING)
