"""The program's commands, found in the program itself, so that none is forgotten."""

from __future__ import annotations

from typing import Any

from rootkeeper.cli.main import RootkeeperGroup

OF_SERVERS = frozenset(
    {
        ("login",),
        ("logout",),
        ("serve",),
        ("windows", "activate"),
        ("windows", "approve"),
        ("windows", "cancel"),
        ("windows", "deny"),
        ("windows", "extend"),
        ("windows", "request"),
        ("windows", "review"),
        ("worker",),
    }
)
"""They are a server, or speak to one and to no one else: tests/functional/serving and through_server try them."""
OF_OUR_OWN = frozenset(
    {
        ("database", "restore"),
        ("database", "upgrade"),
        ("ledger", "import"),
        ("notifications", "test"),
        ("token", "create"),
        ("token", "revoke"),
        ("users", "add"),
        ("users", "disable"),
        ("users", "invite"),
        ("users", "reset"),
        ("users", "reset-factors"),
        ("users", "set-password"),
        ("users", "set-role"),
        ("users", "sign-out"),
    }
)
"""They change what the product keeps, or send to people, and nothing in AWS: test_identity_commands,
test_database_commands, test_backup, test_emergency_commands and test_notification_commands try them, dry runs and
prompts included.
"""
OF_SEVERAL = frozenset(
    ("organizations", name) for name in ("add", "audit", "check", "list", "remove", "report", "show")
)
"""They need several organizations: test_organizations_commands tries them, dry runs and prompts included."""
TRIED_ELSEWHERE = OF_SERVERS | OF_OUR_OWN | OF_SEVERAL


def list_commands(option: str | None = None) -> set[tuple[str, ...]]:
    """Every command, or those that know ``option``."""
    return {name for name, options in _list_options() if option is None or option in options}


def _list_options() -> list[tuple[tuple[str, ...], set[str]]]:
    found: list[tuple[tuple[str, ...], set[str]]] = []
    for name, entry in RootkeeperGroup.entries.items():
        loaded: Any = entry.load()
        below: dict[str, Any] = getattr(loaded, "commands", None) or {"": loaded}
        for child, command in below.items():
            options = {option for parameter in command.params for option in parameter.opts}
            found.append(((name, child) if child else (name,), options))
    return found
