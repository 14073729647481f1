"""Making policies, alarms and infrastructure code that fit this organization. Reads, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from rootkeeper.domain.shipped_policies.bundle import PolicyBundle, PolicyFacts, PolicyInputs, make_bundle
from rootkeeper.domain.windows import OWING_STATES
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.windows import RecoveryWindows


@dataclass(frozen=True, slots=True)
class PolicyBundleBuilder:
    """Reads what policies must fit, and makes them."""

    reader: OrganizationReader
    windows: RecoveryWindows

    def make(self, wishes: PolicyInputs) -> PolicyBundle:
        """Organization and set-up: four reading calls. What can't be read of the set-up is told in ``remarks``.

        :raises InputError: if a wish can't be met.
        :raises AwsError: if the organization can't be read.
        :raises DatabaseError: if the recovery windows can't be read: none would then be spared.
        """
        return make_bundle(self.read_ground(), wishes)

    def read_ground(self) -> PolicyFacts:
        """What policies must fit.

        :raises AwsError: if the organization can't be read.
        :raises DatabaseError: if the recovery windows can't be read.
        """
        unfinished = self.windows.list_windows(unfinished_only=True)
        return PolicyFacts(
            organization=self.reader.read_organization(),
            setup=self.reader.read_setup(),
            open_window_ids=tuple(sorted({one.account_id for one in unfinished if one.state in OWING_STATES})),
        )
