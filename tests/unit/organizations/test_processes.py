"""The processes of a server's organizations, without starting any."""

from __future__ import annotations

from rootkeeper.clock import SystemClock
from rootkeeper.organizations.processes import OrganizationProcesses


def test_an_organization_without_a_process_is_ended_already() -> None:
    warnings: list[str] = []
    processes = OrganizationProcesses({}, lambda _name, _listener: (), SystemClock(), warnings.append)
    assert processes.take("shop", 1.0)
    assert (processes.by_name, warnings) == ({}, [])
