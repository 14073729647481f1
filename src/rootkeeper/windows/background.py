"""What a person needs to judge a request for a recovery window, beside the window itself.

The ledger says what the window is for and what its check found, because nothing else is bound to the request. It names
other approvers only to people who take part in the decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rootkeeper.access.rules import Identity, Permission, fold_name
from rootkeeper.acting import Acting
from rootkeeper.approvals.rules import PeopleReader
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.windows.approvals import EarlierWindows, RequestCheck, WindowBackground
from rootkeeper.windows.decisions import find_last_listed
from rootkeeper.windows.entries import find_recorded
from rootkeeper.windows.rules import ApprovalPurpose, RecoveryWindow
from rootkeeper.windows.store import RecoveryWindowStore

EARLIER_SHOWN = 5
"""How many earlier windows are shown, the newest."""

_TAKES_PART = (Permission.WINDOWS_APPROVE, Permission.WINDOWS_REQUEST)


@dataclass(frozen=True, slots=True)
class WindowBackgroundReader:
    """Reads the ledger, the windows, and the users and tokens as they are now."""

    acting: Acting
    people: PeopleReader

    def read(self, window_id_or_account_id: str, viewer: Identity) -> WindowBackground:
        """Read the background of a window for ``viewer``. No AWS call.

        :raises InputError: if there is no such window.
        :raises DatabaseError: if the database can't be read.
        """
        windows = self.acting.get_store(RecoveryWindowStore)
        window = windows.get(window_id_or_account_id)
        recorded = find_recorded(window, self.acting.ledger_reader.list_entries(account_id=window.account_id))
        request = {} if recorded is None or recorded.request is None else recorded.request
        earlier = [
            other
            for other in windows.list_windows()
            if (other.requested_at, other.window_id) < (window.requested_at, window.window_id)
        ]
        requester = fold_name(window.requested_by)
        return WindowBackground(
            window_id=window.window_id,
            governs_login=recorded is not None and recorded.governs_login,
            keeps_login=recorded is not None and recorded.keeps_login,
            check=_read_check(request.get("present"), request.get("policy_doubts")),
            of_account=_summarize([other for other in earlier if other.account_id == window.account_id]),
            of_requester=_summarize(
                [
                    other
                    for other in earlier
                    if other.account_id != window.account_id and fold_name(other.requested_by) == requester
                ]
            ),
            approvers=self._list_approvers(window, viewer),
        )

    def _list_approvers(self, window: RecoveryWindow, viewer: Identity) -> tuple[str, ...] | None:
        account = find_last_listed(self.acting.get_store(InventoryStore), window.account_id)
        if not viewer.scope.covers(account) or not any(viewer.may(permission) for permission in _TAKES_PART):
            return None
        decided = {fold_name(viewer.name), fold_name(window.requested_by)}
        decided |= {
            fold_name(approval.approver) for approval in window.approvals if approval.purpose is ApprovalPurpose.OPENING
        }
        allowed = self.people.read(account, self.acting.clock.now()).list_allowed(Permission.WINDOWS_APPROVE)
        return tuple(name for name in allowed if fold_name(name) not in decided)


def _read_check(present: object, policy_doubts: object) -> RequestCheck | None:
    if not isinstance(present, list | tuple) or not isinstance(policy_doubts, list | tuple):
        return None
    return RequestCheck(tuple(map(str, present)), tuple(map(str, policy_doubts)))


def _summarize(windows: Sequence[RecoveryWindow]) -> EarlierWindows:
    return EarlierWindows(len(windows), tuple(windows[:EARLIER_SHOWN]))
