"""Reads in which Regions of the caller's account a rule watches for strangers who open root sessions.

AssumeRoot is recorded only in the Region whose STS endpoint was called, so a Region without the rule is a way around
it. The rule must have the state that delivers reading calls, too. A caller sees only its own account, and no metric
filters of a trail.

The Region of IAM is asked first: where the rules weren't deployed, the first call shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from rootkeeper.aws.resources import EVERY_EVENT_STATE, EventRuleReader
from rootkeeper.errors import AwsError, InputError
from rootkeeper.organization.accounts import AccountId, get_iam_region
from rootkeeper.organization.threads import WorkerThreads
from rootkeeper.setup.service import CallerRole, SetupReport

STRANGE_CALLER_RULE = "rootkeeper-strange-caller"
"""The rule of ``AlarmKind.STRANGE_CALLER`` in the shipped templates."""

_THREADS = 8
_LOOK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """Where the rule of an account watches."""

    account_id: AccountId
    covered: tuple[str, ...]
    """Regions with the rule."""
    uncovered: tuple[str, ...]
    """Regions without it, or where it doesn't get every event."""
    unread: tuple[str, ...]
    """Regions that weren't asked, because the first Region doesn't show the rule."""
    unknown: tuple[str, ...]
    """A sentence for each reading that failed."""
    other_account_ids: tuple[AccountId, ...]
    """Further accounts that may open root sessions; this caller can't see their rules."""

    @property
    def rule_name(self) -> str:
        return STRANGE_CALLER_RULE

    @property
    def is_complete(self) -> bool:
        return bool(self.covered) and not (self.uncovered or self.unread or self.unknown)


@dataclass(frozen=True, slots=True)
class RuleCoverageReader:
    """Reads with the operator's own credentials; changes nothing."""

    rules: EventRuleReader

    def read(self, report: SetupReport) -> RuleCoverage | None:
        """Read every enabled Region; ``None`` for a caller whose account can't open root sessions.

        account:ListRegions, and events:DescribeRule in each Region. Failed readings are in ``unknown``.
        """
        caller, organization = report.caller, report.organization
        if report.caller_role not in {CallerRole.MANAGEMENT, CallerRole.DELEGATED_ADMINISTRATOR}:
            return None
        openers = {organization.management_account_id, *(report.setup.delegated_administrators or ())}
        others = tuple(sorted(openers - {caller.account_id}))
        first = get_iam_region(organization.partition)
        try:
            enabled = self.rules.list_enabled_regions(None)
        except (AwsError, InputError) as error:
            sentence = f"The enabled Regions of {caller.account_id} couldn't be read: {error.message}"
            return RuleCoverage(caller.account_id, (), (), (), (sentence,), others)
        found = dict([self._read(first)])
        rest = tuple(region for region in enabled if region != first)
        if found[first] is True:
            threads = WorkerThreads[tuple[str, bool | str]](_THREADS, "rules")
            for region in rest:
                threads.begin(partial(self._read, region))
            threads.close()
            while len(found) <= len(rest):  # the first Region is in it, too
                found.update(threads.take_done(_LOOK_SECONDS))
            rest = ()
        return RuleCoverage(
            account_id=caller.account_id,
            covered=tuple(sorted(region for region, state in found.items() if state is True)),
            uncovered=tuple(sorted(region for region, state in found.items() if state is False)),
            unread=rest,
            unknown=tuple(state for _, state in sorted(found.items()) if isinstance(state, str)),
            other_account_ids=others,
        )

    def _read(self, region: str) -> tuple[str, bool | str]:
        """Return the Region, and whether the rule watches in it or why that isn't known."""
        try:
            return region, self.rules.read_rule_state(STRANGE_CALLER_RULE, region) == EVERY_EVENT_STATE
        except (AwsError, InputError) as error:
            return region, f"The rule {STRANGE_CALLER_RULE} in {region} couldn't be read: {error.message}"
