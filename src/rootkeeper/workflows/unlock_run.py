"""Changing one policy: lock → save → session → re-read → intent → call → re-read → outcome.

Nothing leaves before the policy of before is on disk, with its hash in the ledger. A call that AWS answered isn't done:
only a re-read that shows the new policy makes it so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rootkeeper.domain.ledger import Intent, JsonValue, Result
from rootkeeper.domain.resource_policies.changes import PolicyRereadResult, describe_change, evaluate_reread
from rootkeeper.domain.resource_policies.documents import hash_policy
from rootkeeper.domain.resource_policies.lockouts import Lockout
from rootkeeper.domain.resource_policies.resources import ResourceKind
from rootkeeper.domain.resource_policies.saving import describe_saved
from rootkeeper.errors import AwsError, AwsUnclearError, AwsUnreachableError, LockLostError, PolicyChangedError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.locks import AccountLock, AccountLocks
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.resource_policies import ResourcePolicies
from rootkeeper.ports.root_sessions import RootSession, RootSessions
from rootkeeper.ports.saved_policies import SavedPolicies
from rootkeeper.workflows.root_access import describe_error
from rootkeeper.workflows.unlock_access import UnlockAccess
from rootkeeper.workflows.unlock_planning import UnlockPlan
from rootkeeper.workflows.unlock_reading import UnlockReader


@dataclass(frozen=True, slots=True)
class SavedCopy:
    """Where the policy of before is."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class UnlockOutcome:
    """What came of a change."""

    plan: UnlockPlan
    result: Result
    explanation: str
    saved: SavedCopy | None
    """``None`` if there was no policy."""
    found: Lockout | None
    """What the policy that a re-read shows does; ``None`` if it couldn't be re-read."""


@dataclass(frozen=True, slots=True)
class UnlockRun:
    """Applies plans."""

    reading: UnlockReader
    sessions: RootSessions
    ledger: Ledger
    locks: AccountLocks
    saved_policies: SavedPolicies
    clock: Clock
    bucket_pauses_seconds: tuple[float, ...]
    queue_pauses_seconds: tuple[float, ...]
    """Before each further re-read while the policy of before is still shown."""

    def apply(self, plan: UnlockPlan, progress: Progress) -> UnlockOutcome:
        """Do what the plan says, under the account's lock.

        Saves the policy; sts:AssumeRoot, sts:GetCallerIdentity, a re-read, and one changing call:
        s3:DeleteBucketPolicy, s3:PutBucketPolicy or sqs:SetQueueAttributes.

        :raises AccountBusyError: if another owner holds the account; nothing was done.
        :raises PolicyNotSavedError: if the policy can't be saved; nothing was changed.
        :raises PolicyChangedError: if it isn't the one that was shown any more; nothing was changed.
        :raises AwsError: if AWS refuses the session, the re-read or the change; nothing was changed.
        :raises LedgerUnavailableError: if the ledger can't be written.
        :raises LockLostError: if the lock is lost; nothing was changed.
        """
        account_id = plan.request.account.account_id
        with self.locks.hold(account_id, f"unlock {plan.resource_state.resource.name}") as lock:
            saved = self._save(plan)
            access = UnlockAccess(self.sessions, self.ledger, self.clock, account_id, plan.request.kind, lock)
            self._require_unchanged(plan, access.policies)
            return self._change(plan, access, lock, saved, progress)

    def _save(self, plan: UnlockPlan) -> SavedCopy | None:
        resource, policy = plan.resource_state.resource, plan.resource_state.policy
        if policy is None:
            return None
        path = self.saved_policies.save(resource, policy, self.clock.now())
        self.ledger.append_fact(
            resource.kind.save_action,
            account_id=resource.account_id,
            parameters=describe_saved(resource, policy, str(path)),
        )
        return SavedCopy(path, hash_policy(policy))

    def _require_unchanged(self, plan: UnlockPlan, policies: ResourcePolicies) -> None:
        resource = plan.resource_state.resource
        if policies.find_policy(resource) != plan.resource_state.policy:
            raise PolicyChangedError(
                f"The policy of {resource} isn't the one that was shown: somebody has changed it. Nothing was done.",
                hint="Run the command again, and look at it anew.",
            )

    def _change(
        self, plan: UnlockPlan, access: UnlockAccess, lock: AccountLock, saved: SavedCopy | None, progress: Progress
    ) -> UnlockOutcome:
        session = access.enter()
        parameters = self._describe(plan, session, saved)
        intent = self.ledger.append_intent(
            plan.change.action, account_id=lock.account_id, parameters=parameters, lock=lock
        )
        answer = self._send(plan, session.resource_policies, intent)
        assessment, found = self._verify(plan, access, parameters, progress)
        self.ledger.append_outcome(intent, assessment.result, {"answer": answer, "reread": assessment.explanation})
        explanation = (
            assessment.explanation if answer == "success" else f"{assessment.explanation} AWS had answered: {answer}."
        )
        return UnlockOutcome(plan, assessment.result, explanation, saved, found)

    def _describe(self, plan: UnlockPlan, session: RootSession, saved: SavedCopy | None) -> dict[str, JsonValue]:
        return {
            **describe_change(plan.change),
            "change": plan.request.change.value,
            "saved_path": None if saved is None else str(saved.path),
            "session_access_key_id": session.access_key_id,
        }

    def _send(self, plan: UnlockPlan, policies: ResourcePolicies, intent: Intent) -> str:
        """Once; what AWS surely refused is recorded and raised, anything else is left to the re-read."""
        try:
            if plan.change.after is None:
                policies.remove_policy(plan.change.resource, intent)
            else:
                policies.put_policy(plan.change.resource, plan.change.after, intent)
        except (AwsUnclearError, AwsUnreachableError) as error:
            return error.aws_code or error.code
        except (AwsError, LockLostError) as error:
            self.ledger.append_outcome(intent, Result.FAILED, describe_error(error))
            raise
        return "success"

    def _verify(
        self, plan: UnlockPlan, access: UnlockAccess, parameters: Mapping[str, JsonValue], progress: Progress
    ) -> tuple[PolicyRereadResult, Lockout | None]:
        is_queue = plan.request.kind is ResourceKind.QUEUE
        resource = plan.change.resource
        for pause in (*(self.queue_pauses_seconds if is_queue else self.bucket_pauses_seconds), None):
            try:
                found = access.policies.find_policy(resource)
            except AwsError as error:
                unread = f"It was sent, and it couldn't be re-read what came of it: {error.message}"
                return PolicyRereadResult(Result.UNKNOWN, unread, is_settled=True), None
            assessment = evaluate_reread(found, parameters, resource.partition)
            if assessment.is_settled or pause is None:
                break
            progress.remark(f"AWS still shows the policy of before; reading it again in {pause:g} s.")
            self.clock.sleep(pause)
        return assessment, self.reading.evaluate(resource, found).lockout
