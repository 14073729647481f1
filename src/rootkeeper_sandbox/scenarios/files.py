"""Scenario files: an organization written in YAML, checked and built.

The examples show possible contents; ``docs/reference/sandbox.md`` explains them. Names of units and accounts can be
used wherever an id can.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rootkeeper_sandbox.partitions import AWS, Partition
from rootkeeper_sandbox.scenarios.cast import give_access_role, start_of
from rootkeeper_sandbox.scenarios.permissions import add_policies, add_principals, add_roles, find_account
from rootkeeper_sandbox.scenarios.resources import add_buckets, add_identity_center, add_queues
from rootkeeper_sandbox.scenarios.yaml_nodes import Fields, Value, parse_moment, read_yaml
from rootkeeper_sandbox.state.accounts import Account, AccountState, derive_lower_id
from rootkeeper_sandbox.state.organization import Feature, Organization, OrganizationalUnit
from rootkeeper_sandbox.state.policies import PolicyStore, PolicyType
from rootkeeper_sandbox.state.world import World

FORMAT = "1"

_TOP = (
    "scenario", "name", "organization", "organizational_units", "accounts", "outside_accounts", "policies",
    "principals", "roles", "buckets", "queues", "identity_center",
)  # fmt: skip

_ORGANIZATION = (
    "id", "root_id", "all_features", "features", "trusted_services", "delegated_administrators", "policy_types", "tags",
)  # fmt: skip

_ACCOUNT = (
    "id", "name", "email", "management", "ou", "state", "joined_method", "joined_at", "opened_at", "tags", "root_user",
)  # fmt: skip

_USUAL_AGE = "400 days ago"
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")
_MAX_OU_DEPTH = 5


def build_from_file(path: Path, clock: Callable[[], datetime], partition: Partition = AWS) -> World:
    """Build the world of a scenario file; the same file gives the same ids and keys.

    :raises ScenarioError: if the file isn't in order.
    """
    top = read_yaml(path, partition).fields(*_TOP)
    version = top.get("scenario")
    if version.text() != FORMAT:
        raise version.place.error(f"must be {FORMAT}: the format of scenario files that this sandbox knows.")
    return _FileBuilder(top, path, clock, partition).build()


class _FileBuilder:
    def __init__(self, top: Fields, path: Path, clock: Callable[[], datetime], partition: Partition) -> None:
        self._top = top
        self._partition = partition.name
        self._seed = top.text("name", path.stem)
        settings = top.find("organization")
        self._settings = settings.fields(*_ORGANIZATION) if settings else Fields({}, top.place)
        self._world = World(self._make_organization(), self._seed, clock)
        self._now = start_of(self._world)
        self._ou_ids = {"Root": self._organization.organization_root_id}
        self._emails: set[str] = set()

    @property
    def _organization(self) -> Organization:
        return self._world.organization

    def build(self) -> World:
        for value in self._top.items("organizational_units"):
            self._add_unit(value)
        self._add_accounts()
        for value in self._top.items("outside_accounts"):
            account = self._read_account(value, is_outside=True)
            self._world.outsiders[account.account_id] = account
            self._add_credentials(account, value)
        self._switch_on()
        add_policies(self._world, self._top, self._ou_ids)
        add_principals(self._world, self._top)
        add_roles(self._world, self._top)
        add_buckets(self._world, self._top)
        add_queues(self._world, self._top)
        add_identity_center(self._world, self._top)
        return self._world

    def _make_organization(self) -> Organization:
        management = [value for value in self._top.items("accounts") if value.fields(*_ACCOUNT).flag("management")]
        if len(management) != 1:
            place = management[1].place if management else self._top.place
            raise place.error("exactly one account must have `management: true`.")
        id_value, root_value = self._settings.find("id"), self._settings.find("root_id")
        return Organization(
            _matching(id_value, r"o-[a-z0-9]{10,32}", f"o-{derive_lower_id(10, 'organization', self._seed)}"),
            _matching(root_value, r"r-[0-9a-z]{4,32}", f"r-{derive_lower_id(4, 'root', self._seed)}"),
            _account_id(management[0].fields(*_ACCOUNT).get("id")),
            self._partition,
            has_all_features=self._settings.flag("all_features", default=True),
            policy_book=PolicyStore(self._partition),
        )

    def _add_unit(self, value: Value) -> None:
        fields = value.fields("path", "tags")
        path_value = fields.get("path")
        path = path_value.text().removeprefix("Root/")
        parent, _, name = path.rpartition("/")
        if path in self._ou_ids or path == "Root":
            raise path_value.place.error(f"there is a unit {path!r} already.")
        if parent and parent not in self._ou_ids:
            raise path_value.place.error(f"there is no unit {parent!r}; name it in a line of its own before this one.")
        if not name or path.count("/") >= _MAX_OU_DEPTH:
            raise path_value.place.error(f"must be names with a slash between, {_MAX_OU_DEPTH} at most.")
        suffix = self._organization.organization_root_id.removeprefix("r-")
        unit = OrganizationalUnit(
            f"ou-{suffix}-{derive_lower_id(8, self._seed, path)}", name, self._ou_ids[parent or "Root"]
        )
        self._organization.add_organizational_unit(unit)
        self._ou_ids[path] = unit.ou_id
        if fields.find("tags"):
            self._organization.tags[unit.ou_id] = fields.texts("tags")

    def _add_accounts(self) -> None:
        for value in self._top.get("accounts").items():
            account = self._read_account(value, is_outside=False)
            ou_value = value.fields(*_ACCOUNT).find("ou")
            path = ou_value.text().removeprefix("Root/") if ou_value else "Root"
            if ou_value and path not in self._ou_ids:
                known = ", ".join(self._ou_ids)
                raise ou_value.place.error(f"there is no unit {path!r} under organizational_units; known: {known}.")
            give_access_role(self._world, account)
            self._organization.add_account(account, self._ou_ids[path])
            self._add_credentials(account, value)

    def _read_account(self, value: Value, *, is_outside: bool) -> Account:
        fields = value.fields(*_ACCOUNT)
        if is_outside:
            _refuse(fields, "management", "ou", "joined_method", "joined_at", "tags")
        account_id = _account_id(fields.get("id"))
        if self._world.find_account(account_id):
            raise fields.get("id").place.error(f"there is an account {account_id} already.")
        joined_at, opened_at = fields.find("joined_at"), fields.find("opened_at")
        state = fields.find("state")
        method = fields.find("joined_method")
        return Account(
            account_id=account_id,
            name=fields.get("name").text(),
            email=self._read_email(fields),
            joined_at=joined_at.moment(self._now) if joined_at else parse_moment(_USUAL_AGE, self._now),
            joined_method=method.choice("CREATED", "INVITED") if method else "CREATED",
            opened_at=opened_at.moment(self._now) if opened_at else None,
            state=AccountState(state.choice(*AccountState)) if state else AccountState.ACTIVE,
            tags=fields.texts("tags"),
        )

    def _read_email(self, fields: Fields) -> str:
        value = fields.get("email")
        email = value.text()
        if not _EMAIL.fullmatch(email) or not 6 <= len(email) <= 64:
            raise value.place.error(f"must be an e-mail address of 6 to 64 characters, not {email!r}.")
        if email.lower() in self._emails:
            raise value.place.error(f"another account has the address {email}; each needs one of its own.")
        self._emails.add(email.lower())
        return email

    def _add_credentials(self, account: Account, value: Value) -> None:
        root_user = value.fields(*_ACCOUNT).find("root_user")
        if root_user is None:
            return
        try:
            self._world.put_root_user(account.account_id, _with_whole_times(root_user.plain(), self._now))
        except ValueError as error:
            raise root_user.place.error(str(error)) from error

    def _switch_on(self) -> None:
        organization, settings = self._organization, self._settings
        for value in settings.items("trusted_services"):
            organization.trust(_service(value), parse_moment(_USUAL_AGE, self._now))
        for value in settings.items("features"):
            organization.features.add(Feature(value.choice(*Feature)))
        for value in settings.items("delegated_administrators"):
            self._add_delegate(value)
        if settings.find("policy_types"):
            types = {PolicyType(value.choice(*PolicyType)) for value in settings.items("policy_types")}
            organization.policy_book.enabled_types = types
        if settings.find("tags"):
            organization.tags[organization.organization_root_id] = settings.texts("tags")

    def _add_delegate(self, value: Value) -> None:
        fields = value.fields("account", "service")
        service_value, organization = fields.get("service"), self._organization
        service = _service(service_value)
        account = find_account(self._world, fields.get("account"))
        if not organization.is_trusted(service):
            raise service_value.place.error(f"add {service} to organization.trusted_services first.")
        is_member = account.account_id in organization.accounts and account.state is AccountState.ACTIVE
        if account.account_id == organization.management_account_id or not is_member:
            raise fields.get("account").place.error("must be an ACTIVE member account of the organization.")
        organization.register_delegate(account.account_id, service, parse_moment(_USUAL_AGE, self._now))


def _matching(value: Value | None, pattern: str, default: str) -> str:
    if value is None:
        return default
    if not re.fullmatch(pattern, value.text()):
        raise value.place.error(f"must look like {default}, not {value.text()!r}.")
    return value.text()


def _account_id(value: Value) -> str:
    if not re.fullmatch(r"\d{12}", value.text(), re.ASCII):
        raise value.place.error(f"must be 12 digits, not {value.text()!r}.")
    return value.text()


def _service(value: Value) -> str:
    if not _SERVICE.fullmatch(value.text()):
        raise value.place.error(f"must be a service principal such as iam.amazonaws.com, not {value.text()!r}.")
    return value.text()


def _refuse(fields: Fields, *names: str) -> None:
    for name in names:
        if fields.find(name):
            raise fields.get(name).place.error("belongs to accounts of the organization, not to outside_accounts.")


def _with_whole_times(body: object, now: datetime) -> object:
    """Write out times such as ``30 days ago`` wherever a field's name ends in ``_at``."""
    if isinstance(body, list):
        return [_with_whole_times(item, now) for item in body]
    if not isinstance(body, dict):
        return body
    return {
        name: parse_moment(item, now).isoformat()
        if name.endswith("_at") and isinstance(item, str) and item.endswith(" ago")
        else _with_whole_times(item, now)
        for name, item in body.items()
    }
