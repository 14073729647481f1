"""Planning the change of one policy: everything is checked, and read, before a person is asked."""

from __future__ import annotations

from dataclasses import dataclass

from rootkeeper.domain.organizations import Account
from rootkeeper.domain.resource_policies.changes import ChangeKind, PolicyChange
from rootkeeper.domain.resource_policies.corrections import correct_policy, require_policy_text, require_replacement
from rootkeeper.domain.resource_policies.lockouts import Lockout, LockoutVerdict
from rootkeeper.domain.resource_policies.resources import ResourceKind, require_resource_name, require_unprotected
from rootkeeper.domain.resource_policies.saving import was_saved
from rootkeeper.errors import PolicyDocumentError
from rootkeeper.ports.ledger import LedgerReader
from rootkeeper.ports.progress import Progress
from rootkeeper.workflows.unlock_reading import ResourcePolicyState, UnlockReader


@dataclass(frozen=True, slots=True)
class PolicyChangeRequest:
    """What a person asks for."""

    account: Account
    kind: ResourceKind
    name: str
    change: ChangeKind
    regions: tuple[str, ...] = ()
    text: str | None = None
    """Of the file to put."""
    source: str = ""
    """The file's path."""

    @property
    def describe_source(self) -> str:
        return f"The policy in {self.source}"


@dataclass(frozen=True, slots=True)
class UnlockPlan:
    """One change that passed every check."""

    request: PolicyChangeRequest
    resource_state: ResourcePolicyState
    """As it is, and as the person is shown."""
    change: PolicyChange
    outcome: Lockout
    """What the new policy does."""
    obstacle: str | None = None
    """Why there is nothing to do; one sentence."""


@dataclass(frozen=True, slots=True)
class UnlockPlanner:
    """Checks a request, and reads what it is about."""

    reading: UnlockReader
    ledger_reader: LedgerReader

    def check(self, request: PolicyChangeRequest) -> None:
        """All that can be checked without a root session.

        :raises TargetRefusedError: if the name is protected.
        :raises InputError: if it can't be a name.
        :raises PolicyDocumentError: if the file holds no policy, or is no saved copy that the ledger knows.
        """
        require_resource_name(request.kind, request.name)
        require_unprotected(request.kind, request.name, self.reading.protect)
        if request.text is None:
            return
        require_policy_text(request.kind, request.text, request.describe_source)
        if request.change is ChangeKind.RESTORE:
            self._require_saved(request, request.text)

    def plan(self, request: PolicyChangeRequest, progress: Progress) -> UnlockPlan:
        """Read the policy as it is, and say what will stand in its place.

        :raises PolicyDocumentError: if the policy can't be corrected, or a replacement wouldn't do.
        :raises InputError: if there is no such bucket or queue.
        :raises AwsError: if it can't be read.
        """
        self.check(request)
        resource_state = self.reading.find_one(request.account, request.kind, request.name, request.regions, progress)
        after, outcome = self._choose(request, resource_state)
        change = PolicyChange(resource_state.resource, resource_state.policy, after)
        return UnlockPlan(request, resource_state, change, outcome, _find_obstacle(request, resource_state, change))

    def _choose(self, request: PolicyChangeRequest, resource_state: ResourcePolicyState) -> tuple[str | None, Lockout]:
        after = request.text
        if request.change is ChangeKind.REPLACE and after is not None:
            organization_id = self.reading.organization.organization_id
            return after, require_replacement(after, resource_state.resource, organization_id, request.describe_source)
        if request.change is ChangeKind.CORRECTED and resource_state.policy is not None:
            after = correct_policy(resource_state.policy, resource_state.lockout, resource_state.resource)
        return after, self.reading.evaluate(resource_state.resource, after).lockout

    def _require_saved(self, request: PolicyChangeRequest, text: str) -> None:
        account_id, organization_id = request.account.account_id, self.reading.organization.organization_id
        entries = self.ledger_reader.list_entries(account_id=account_id)
        if not was_saved(entries, organization_id, account_id, request.kind, request.name, text):
            raise PolicyDocumentError(
                f"{request.describe_source} isn't a copy of {request.kind.noun} {request.name} that the ledger knows, "
                "or was edited since.",
                hint="To put any policy that doesn't lock everyone out, use --replace.",
            )


def _find_obstacle(
    request: PolicyChangeRequest, resource_state: ResourcePolicyState, change: PolicyChange
) -> str | None:
    if resource_state.policy is None and change.after is None:
        return f"There is no policy on {resource_state.resource}: nothing to do."
    if request.change is ChangeKind.CORRECTED and resource_state.lockout.verdict is LockoutVerdict.OPEN:
        return f"No statement of the policy of {resource_state.resource} locks everyone out: nothing to correct."
    if change.is_needless:
        return f"That policy stands on {resource_state.resource} already: nothing to do."
    return None


def describe_plan(plan: UnlockPlan, folder: str) -> list[str]:
    """What will be done, in sentences for a person."""
    request, resource = plan.request, plan.resource_state.resource
    whose = f"{resource.kind.noun} {resource.name} ({resource.region})"
    whose += f" of account {resource.account_id} ({request.account.name})"
    then = f"Then: {plan.outcome.explanation}"
    if plan.resource_state.policy is None:
        return [f"Put a policy on {whose}, which has none.", then]
    deed = "Remove" if plan.change.after is None else "Replace"
    return [
        f"{deed} the policy of {whose}.",
        f"Now: {plan.resource_state.lockout.explanation}",
        then,
        f"The policy of now is saved first, to {folder}.",
    ]
