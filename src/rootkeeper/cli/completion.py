"""Values that a shell completes: accounts, units, windows, jobs and profiles, as this machine knows them.

They come from the SQLite file of the settings, which is only read, and from AWS's configuration files. AWS, a server
and PostgreSQL aren't asked. Where anything is wrong, there are no values and no message.

Names of accounts and units are texts from outside, and shells evaluate the completion of a word. So only words of
harmless characters are offered, and explanations have harmless characters alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from click import Context, Parameter
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, ZshComplete

from rootkeeper.errors import InputError, RootkeeperError

Item = tuple[str, str]
"""A word, and its explanation."""
Complete = Callable[[Context, Parameter, str], list[CompletionItem]]

MOST_ITEMS = 500
_WAIT_SECONDS = 0.2
"""For a database that another process writes."""
_HARMLESS_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/=+-]*")
_HARMFUL = re.compile(r"[^A-Za-z0-9._@/=+, -]")

_ACCOUNTS = "SELECT account_id, name FROM inventory_accounts ORDER BY position"
_ACCOUNT_NAMES = "SELECT name, account_id FROM inventory_accounts GROUP BY name HAVING count(*) = 1 ORDER BY name"
_UNITS = "SELECT ou_id, name FROM inventory_organizational_units ORDER BY position"
_UNIT_PATHS = "SELECT DISTINCT ou_path, '' FROM inventory_accounts ORDER BY ou_path"
_WINDOWS = "SELECT window_id, state || ', account ' || account_id FROM recovery_windows ORDER BY requested_at DESC"
_JOBS = "SELECT job_id, kind || ', ' || state FROM jobs ORDER BY created_at DESC"
_ORGANIZATIONS = "SELECT organization_id, 'management account ' || management_account_id FROM inventories"


def _from_database(*statements: str) -> Complete:
    """Make a completion of the rows of these statements, in their order."""

    def complete(ctx: Context, _parameter: Parameter, incomplete: str) -> list[CompletionItem]:
        with suppress(OSError, ValueError, RootkeeperError):
            return choose(_read_rows(find_database(ctx), statements), incomplete)
        return []

    return complete


def _complete_organization(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete an organization of the settings file, or of a database that knows several."""
    from rootkeeper.settings.reading import list_organizations

    with suppress(OSError, ValueError, RootkeeperError):
        config = _find_typed(context, "config")
        found = [(table.name, table.organization_id) for table in list_organizations(config and Path(config))]
        if found:
            return choose(found, incomplete)
    return _from_database(_ORGANIZATIONS)(context, parameter, incomplete)


def _complete_profile(_context: Context, _parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a profile of AWS's files.

    Source: AWS CLI User Guide, "Configuration and credential file settings".
    """
    from configparser import ConfigParser
    from configparser import Error as ConfigError

    files = {
        os.environ.get("AWS_CONFIG_FILE", "~/.aws/config"): "profile ",
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"): "",
    }
    found: set[str] = set()
    for file, prefix in files.items():
        sections = ConfigParser(strict=False, interpolation=None, default_section="")
        with suppress(OSError, UnicodeDecodeError, ConfigError):
            sections.read(Path(file).expanduser(), encoding="utf-8")
        found |= {
            name.removeprefix(prefix).strip()
            for name in sections.sections()
            if name.startswith(prefix) or name == "default"
        }
    return choose(((name, "") for name in sorted(found)), incomplete)


VALUES: Mapping[str, Complete] = {
    "ACCOUNT": _from_database(_ACCOUNTS, _ACCOUNT_NAMES),
    "JOB_ID": _from_database(_JOBS),
    "WINDOW_ID|ACCOUNT": _from_database(_WINDOWS, _ACCOUNTS),
    "--account": _from_database(_ACCOUNTS),
    "--allow-recently-used": _from_database(_ACCOUNTS),
    "--delegated-administrator": _from_database(_ACCOUNTS),
    "--exclude": _from_database(_ACCOUNTS, _UNITS, _UNIT_PATHS),
    "--failsafe": _from_database(_ACCOUNTS),
    "--include-failsafe": _from_database(_ACCOUNTS),
    "--organization": _complete_organization,
    "--organizational-unit": _from_database(_UNITS, _UNIT_PATHS),
    "--ou": _from_database(_UNITS, _UNIT_PATHS),
    "--profile": _complete_profile,
}
"""By the name of an option, or by an argument's name in the help. Click itself completes choices and files."""


def choose(rows: Iterable[Item], incomplete: str) -> list[CompletionItem]:
    """Choose the harmless words that begin as was typed; explanations lose harmful characters."""
    found: dict[str, str] = {}
    for word, explanation in rows:
        if word.startswith(incomplete) and _HARMLESS_WORD.fullmatch(word):
            found.setdefault(word, _HARMFUL.sub("", explanation))
        if len(found) == MOST_ITEMS:
            break
    return [CompletionItem(word, help=explanation or None) for word, explanation in found.items()]


def find_database(ctx: Context) -> Path | None:
    """Find the SQLite file of the settings, with the settings file and the organization that were typed, if any.

    :raises SettingsError: if the settings can't be used.
    """
    from rootkeeper.settings.reading import SQLITE_PREFIX, load_user_settings

    config = _find_typed(ctx, "config")
    url = load_user_settings(config and Path(config), _find_typed(ctx, "organization")).database.url
    return Path(url.removeprefix(SQLITE_PREFIX).partition("?")[0]) if url.startswith(SQLITE_PREFIX) else None


def _find_typed(ctx: Context, name: str) -> Any:
    """Find the value of an option before or after the command's name; ``None`` if it wasn't typed."""
    level: Any = ctx
    while level is not None and level.params.get(name) is None:
        level = level.parent
    return None if level is None else level.params[name]


def _read_rows(database: Path | None, statements: Iterable[str]) -> Iterator[Item]:
    """Read all rows; none where the file isn't a database of Rootkeeper's, or is locked."""
    import sqlite3

    if database is None or not database.is_file():
        return
    address = f"{database.absolute().as_uri()}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS)) as connection:
        for statement in statements:
            for word, explanation in connection.execute(statement):
                yield str(word), str(explanation)


SHELLS: Mapping[str, tuple[type[ShellComplete], str, str]] = {
    "bash": (BashComplete, "~/.bashrc", 'eval "$(_ROOTKEEPER_COMPLETE=bash_source rootkeeper)"'),
    "fish": (FishComplete, "~/.config/fish/config.fish", "_ROOTKEEPER_COMPLETE=fish_source rootkeeper | source"),
    "zsh": (ZshComplete, "~/.zshrc", 'eval "$(_ROOTKEEPER_COMPLETE=zsh_source rootkeeper)"'),
}
"""Click's completion, the file that the shell reads when it starts, and the line there that loads the completion."""


def find_shell() -> str:
    """Find the user's shell.

    :raises InputError: if there is no completion for it.
    """
    shell = Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise InputError(
            f"There is no completion for the shell {shell!r}.", hint="Set SHELL to the path of bash, zsh or fish."
        )
    return shell


def install_completion(shell: str) -> Path:
    """Let the shell load the completion when it starts, and return the changed file."""
    _, name, line = SHELLS[shell]
    path = Path(name).expanduser()
    if not path.exists() or line not in path.read_text(encoding="utf-8"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    return path
