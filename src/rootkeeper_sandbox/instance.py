"""A running sandbox: its world, its clock, its services, and its records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rootkeeper_sandbox.authentication import Authenticator, Signer
from rootkeeper_sandbox.clock import Clock
from rootkeeper_sandbox.codec.registry import load_services
from rootkeeper_sandbox.demo import DemoSignIns
from rootkeeper_sandbox.exchange import Operation
from rootkeeper_sandbox.faults import FaultRegistry
from rootkeeper_sandbox.routing import RequestLog, Router
from rootkeeper_sandbox.state_file import FileStateRecorder
from rootkeeper_sandbox.throttling import AwsThrottle
from rootkeeper_sandbox.trail import Trail, deliver

if TYPE_CHECKING:
    from rootkeeper_sandbox.state.world import World

Services = Mapping[str, Mapping[str, Operation]]


@dataclass
class SandboxInstance:
    """The parts of a sandbox that all requests share."""

    world: World
    clock: Clock
    build_world: Callable[[], World]
    """Builds the scenario again, for a reset."""
    services: Services
    router: Router
    authenticator: Authenticator
    latency_seconds: float = 0.0
    """How long every call takes at least."""
    throttle: AwsThrottle | None = None
    keeper: FileStateRecorder | None = None
    """Only with ``--state``."""
    faults: FaultRegistry = field(default_factory=FaultRegistry)
    requests: RequestLog = field(default_factory=RequestLog)
    trail: Trail = field(default_factory=Trail)
    demo: DemoSignIns | None = None
    """Only in a demo; a reset keeps it."""

    def __post_init__(self) -> None:
        self.trail.subscribe(lambda event: deliver(self.world, event))

    def reset(self) -> None:
        """Start the scenario again: without faults, ordered rates and events, at the machine's time.

        Request numbers continue.

        :raises ValueError: if the scenario can't be built any more; nothing has changed then but the clock.
        """
        self.clock.reset()
        self.world = self.build_world()
        self.faults.clear()
        if self.throttle:
            self.throttle.clear_orders()
        self.trail.clear()
        if self.keeper:
            self.keeper.start_over(self.world)

    def keep(self, *, is_mutating: bool) -> Awaitable[None] | None:
        """Take the changes, if there is a state file; await the result before anything is answered."""
        return self.keeper.keep(is_mutating=is_mutating) if self.keeper else None


def start_instance(
    build_world: Callable[[], World],
    services: Services,
    clock: Clock,
    *,
    latency_seconds: float = 0.0,
    world: World | None = None,
) -> SandboxInstance:
    """Build the world, unless ``world`` is given, and load the models of the served services."""
    return SandboxInstance(
        world=world or build_world(),
        clock=clock,
        build_world=build_world,
        services=services,
        router=Router(load_services(services)),
        authenticator=Authenticator(clock, Signer()),
        latency_seconds=latency_seconds,
    )
