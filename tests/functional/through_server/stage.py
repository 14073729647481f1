"""A server of the demo organization, and people who work through it without any AWS credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.current_databases import place_database
from tests.functional.promises.interposed_proxy import InterposedProxy
from tests.functional.running import LONG_LEASE, Program, Runner
from tests.ports import reserved_port
from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess

ROLES = {
    "vera": "viewer",
    "aldo": "auditor",
    "olga": "operator",
    "boris": "approver",
    "cora": "approver",
}
"""Names and roles of those who have a token, beside the administrator."""
ADMINISTRATOR = "root-keeper"


@dataclass(slots=True)
class ServedStage:
    """One sandbox and one server; tests share both, and each takes accounts of its own."""

    sandbox: SandboxProcess
    server: ServerProcess
    runner: Runner
    folder: Path
    settings: Mapping[str, str]
    proxy: InterposedProxy
    """Between server and sandbox, where a file asks for that; else no one speaks to it."""
    port: int
    """Where it comes back to; no other process takes it meanwhile."""
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def person(self, name: str) -> Program:
        """A command line with that person's token, the server's address and nothing else."""
        return Program(
            {
                "HOME": str(self.folder / name),
                "XDG_CONFIG_HOME": str(self.folder / name / "config"),
                "XDG_DATA_HOME": str(self.folder / name / "data"),
                "XDG_STATE_HOME": str(self.folder / name / "state"),
                "ROOTKEEPER_SERVER": self.server.url,
                "ROOTKEEPER_TOKEN": self.tokens[name],
            },
            self.runner,
        )

    @property
    def local(self) -> Program:
        """The administrator's command line straight on the server's database."""
        return Program(self.settings, self.runner)

    @contextmanager
    def restarted(self) -> Iterator[None]:
        """The server is killed; it is there again, at the same address, once this is left."""
        self.server.kill()
        yield
        self.server = ServerProcess.spawn(self.settings, "serve", self.folder, port=self.port)
        self.server.wait_ready()


@contextmanager
def open_stage(
    runner: Runner, folder: Path, *arguments: str, is_proxied: bool = False, **settings: str
) -> Iterator[ServedStage]:
    """Start sandbox and server, and make a token for each of ``ROLES``.

    :param is_proxied: whether the server speaks to the sandbox through the stage's proxy.
    :param settings: of the server, as variables.
    """
    options = arguments or ("--scenario", "demo", "--features", "all")
    with (
        SandboxProcess.start(*options) as sandbox,
        InterposedProxy(sandbox.base_url) as proxy,
        reserved_port() as port,
    ):
        environment = sandbox.environment() | {
            "AWS_ENDPOINT_URL": proxy.url if is_proxied else sandbox.base_url,
            "HOME": str(folder),
            "ROOTKEEPER_DATABASE_URL": place_database(folder / "rootkeeper.db"),
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
            "ROOTKEEPER_LEASE_SECONDS": LONG_LEASE,
            "XDG_STATE_HOME": str(folder / "state"),
            **settings,
        }
        server = ServerProcess.spawn(environment, "serve", folder, port=port)
        stage = ServedStage(sandbox, server, runner, folder, environment, proxy, port)
        try:
            server.wait_ready()
            stage.tokens[ADMINISTRATOR] = server.token("administrator", ADMINISTRATOR)
            for name, role in ROLES.items():
                made = server.ask("POST", "/api/v1/tokens", {"name": name, "role": role}, name=ADMINISTRATOR)
                assert made.status == 201, made.body
                stage.tokens[name] = made.body["token"]
            yield stage
        finally:
            stage.server.end()


def without_settings(program: Program, *names: str) -> Program:
    """The same person without these variables."""
    return replace(program, environment={key: value for key, value in program.environment.items() if key not in names})
