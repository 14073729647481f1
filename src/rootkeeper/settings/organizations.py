"""The tables ``[organizations.NAME]`` of the settings file: each is an organization, with settings of its own.

An organization's table has its id and any section of settings, such as ``[organizations.shop.windows]``. What a table
doesn't say comes from the sections that all organizations share, except places and credentials: two organizations never
share a database, a ledger's copies, a key or a source of AWS credentials.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rootkeeper.database.files import make_private_folder, open_replacing, sync_folder
from rootkeeper.errors import Hint, InputError, NotFoundError, SettingsError

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

ORGANIZATIONS = "organizations"
"""The table of the settings file that has a table for each organization; also a folder of their databases."""
NEVER_INHERITED = frozenset(
    {
        "aws.profile",
        "aws.external_id",
        "aws.roles.audit",
        "aws.roles.delete",
        "aws.roles.recover",
        "aws.roles.report",
        "aws.roles.unlock",
        "database.url",
        "delivery.targets",
        "ledger.anchor",
        "ledger.anchor_bucket",
        "ledger.mirror",
        "ledger.spill",
        "server.key_file",
        "server.public_url",
        "unlock.saved_policies",
        "watching.known_callers",
        "watching.source",
    }
)
"""Settings that only an organization's own table gives it: its credentials, and the places of its data."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
_ID = re.compile(r"o-[a-z0-9]{10,32}", re.ASCII)
"""Source: Organizations DescribeOrganization, API version 2016-11-28."""


@dataclass(frozen=True, slots=True)
class OrganizationTable:
    """An organization of the settings file."""

    name: str
    organization_id: str
    sections: Mapping[str, object]
    """As they were written."""


def is_organization_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def require_name(name: str) -> str:
    """:raises InputError: if it can't be the name of an organization."""
    if _NAME.fullmatch(name) is None:
        raise InputError(
            f"{name!r} can't be the name of an organization.",
            hint="Use up to 32 lower-case letters, digits and hyphens, such as shop or shop-eu.",
        )
    return name


def parse_organizations(path: Path, written: object) -> tuple[OrganizationTable, ...]:
    """Parse the table ``organizations`` of a settings file.

    :raises SettingsError: if a name or an id is missing or invalid, or two organizations have the same id.
    """
    if not isinstance(written, Mapping):
        raise SettingsError(f"'{ORGANIZATIONS}' in {path} isn't a table.", hint=_FORM)
    tables = tuple(_parse_table(path, str(name), table) for name, table in written.items())
    names: dict[str, str] = {}
    for table in tables:
        if (other := names.setdefault(table.organization_id, table.name)) != table.name:
            raise SettingsError(
                f"{other} and {table.name} in {path} are the same organization, {table.organization_id}.",
                hint="Remove one of the two tables.",
            )
    return tables


_FORM = 'Write a table [organizations.NAME] with its id, such as id = "o-a1b2c3d4e5".'


def _parse_table(path: Path, name: str, table: object) -> OrganizationTable:
    try:
        require_name(name)
    except InputError as error:
        raise SettingsError(f"In {path}: {error.message}", hint=error.hint) from error
    if not isinstance(table, Mapping):
        raise SettingsError(f"{ORGANIZATIONS}.{name} in {path} isn't a table.", hint=_FORM)
    sections = dict(table)
    found = sections.pop("id", None)
    if not isinstance(found, str) or not is_organization_id(found):
        raise SettingsError(f"{ORGANIZATIONS}.{name}.id in {path} isn't the id of an organization.", hint=_FORM)
    return OrganizationTable(name, found, sections)


def choose_table(tables: tuple[OrganizationTable, ...], wanted: str | None) -> OrganizationTable | None:
    """Choose the organization that was named by its name or id, or the only one; ``None`` if the file names none.

    :raises InputError: if several are there and none was named.
    :raises NotFoundError: if no organization has that name or id.
    """
    if wanted is None:
        if len(tables) > 1:
            raise InputError(
                f"The settings have several organizations: {_list_names(tables)}.",
                hint=Hint("Name one of them.", "organization.name"),
            )
        return tables[0] if tables else None
    if not tables and is_organization_id(wanted):
        return None  # of a database that knows several
    return find_table(tables, wanted)


def find_table(tables: tuple[OrganizationTable, ...], wanted: str) -> OrganizationTable:
    """Find an organization by its name or its id.

    :raises NotFoundError: if it isn't there.
    """
    for table in tables:
        if wanted in (table.name, table.organization_id):
            return table
    raise NotFoundError(
        f"The settings have no organization {wanted!r}.",
        hint=f"They have {_list_names(tables)}." if tables else Hint("Add it first.", "organization.add"),
    )


def _list_names(tables: tuple[OrganizationTable, ...]) -> str:
    return ", ".join(table.name for table in tables)


def find_folder(name: str, base: Path) -> Path:
    """Return the folder of an organization's database and of the files beside it.

    :param base: the folder of the database that a single organization has.
    """
    return base / ORGANIZATIONS / name


# Changing the file.


def require_new(path: Path, tables: tuple[OrganizationTable, ...], name: str, organization_id: str) -> None:
    """:raises InputError: if the settings file has the name or the organization already."""
    for table in tables:
        if name == table.name:
            raise InputError(f"{path} has an organization {name!r} already.", hint="Choose another name.")
        if organization_id == table.organization_id:
            raise InputError(
                f"{organization_id} is organization {table.name!r} of {path} already.",
                hint="Use that name, or the credentials of another organization.",
            )


def add_table(path: Path, name: str, organization_id: str, aws: Mapping[str, str | int]) -> None:
    """Add an organization's table to the settings file, which is made if it is missing.

    :param aws: the settings of its section ``aws``, such as ``profile``.
    :raises InputError: if the name or the organization is there already.
    :raises SettingsError: if the file can't be read or written.
    """
    import tomlkit

    document = _read(path)
    require_new(path, parse_organizations(path, document.get(ORGANIZATIONS, {})), name, organization_id)
    if ORGANIZATIONS not in document:
        document.append(ORGANIZATIONS, tomlkit.table(is_super_table=True))
    added = tomlkit.table()
    added.append("id", organization_id)
    own = tomlkit.table()
    for setting, value in aws.items():
        own.append(setting, value)
    if aws:
        added.append("aws", own)
    tables: Any = document[ORGANIZATIONS]
    tables.append(name, added)
    _write(path, document)


def remove_table(path: Path, name: str) -> None:
    """Remove an organization's table from the settings file.

    :raises NotFoundError: if it isn't there.
    :raises SettingsError: if the file can't be read or written.
    """
    document = _read(path)
    tables: Any = document.get(ORGANIZATIONS, {})
    if name not in tables:
        raise NotFoundError(f"{path} has no organization {name!r}.")
    tables.remove(name)
    if not tables:
        document.remove(ORGANIZATIONS)
    _write(path, document)


def _read(path: Path) -> TOMLDocument:
    import tomlkit
    from tomlkit.exceptions import ParseError

    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return tomlkit.document()
    except (OSError, UnicodeDecodeError, ParseError) as error:
        raise make_unreadable(path, error) from error


def _write(path: Path, document: TOMLDocument) -> None:
    file = path.resolve()  # a link stays a link
    try:
        make_private_folder(file.parent)
        mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else 0o600
        with open_replacing(file, mode) as target:
            target.write(document.as_string().encode())
        sync_folder(file.parent)
    except OSError as error:
        raise SettingsError(
            f"The settings file {path} can't be written: {error.strerror}.",
            hint=Hint("Check the path of the settings file.", "settings.path"),
        ) from error


def make_unreadable(path: Path, error: Exception) -> SettingsError:
    """Say that a settings file can't be read."""
    if isinstance(error, OSError | UnicodeDecodeError):
        return SettingsError(
            f"The settings file {path} can't be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}.",
            hint=Hint("Check the path of the settings file.", "settings.path"),
        )
    return SettingsError(f"The settings file {path} is not TOML: {error}.", hint="See https://toml.io.")
