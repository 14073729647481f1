"""Scenario files: an organization written in YAML, checked and built.

The examples show what a file can contain; ``docs/guides/sandbox.md`` explains it. Names of units and accounts can be
used wherever an id can.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from rootkeeper_sandbox.authorization.documents import PolicyDocumentError, PolicyKind, compile_policy
from rootkeeper_sandbox.scenarios.cast import add_root_principal, add_user_principal, give_access_role, start_of
from rootkeeper_sandbox.scenarios.yaml_nodes import Fields, Value, parse_moment, read_yaml
from rootkeeper_sandbox.state.accounts import (
    Account,
    AccountState,
    IamRole,
    Permissions,
    derive_lower_id,
    derive_unique_id,
)
from rootkeeper_sandbox.state.description import make_policy
from rootkeeper_sandbox.state.organization import IAM_SERVICE_PRINCIPAL, Feature, Organization, OrganizationalUnit
from rootkeeper_sandbox.state.policies import (
    ADMINISTRATOR_ACCESS_ARN,
    FULL_ACCESS_DOCUMENT,
    MAX_ATTACHED,
    MAX_CHARACTERS,
    OrganizationPolicy,
    PolicyType,
)
from rootkeeper_sandbox.state.world import World


def find_account(world: World, value: Value) -> Account:
    """Find the account that a value names, by its id or its name."""
    text = value.text()
    found = world.find_account(text)
    if found:
        return found
    accounts = [*world.organization.accounts.values(), *world.outsiders.values()]
    named = [account for account in accounts if account.name == text]
    if len(named) != 1:
        problem = "more than one account has" if named else "no account has"
        raise value.place.error(f"{problem} the id or name {text!r}; write the id of one that is under accounts.")
    return named[0]


def find_target(world: World, ou_ids: Mapping[str, str], value: Value) -> str:
    """Find the id of what a policy is attached to: ``Root``, the path of a unit, or an account's id or name."""
    path = value.text().removeprefix("Root/")
    if path in ou_ids:
        return ou_ids[path]
    account = find_account(world, value)
    if not world.is_in_organization(account.account_id):
        raise value.place.error("isn't in the organization; policies don't reach outside.")
    return account.account_id


_FIELDS = ("name", "type", "description", "content", "targets", "tags")


def add_policies(world: World, top: Fields, ou_ids: Mapping[str, str]) -> None:
    """Add the policies, attach them, and enable their types.

    :raises ScenarioError: if one isn't in order.
    """
    for value in top.items("policies"):
        fields = value.fields(*_FIELDS)
        policy = _add_policy(world, fields)
        for target in fields.items("targets"):
            target_id = find_target(world, ou_ids, target)
            book = world.organization.policy_book
            attached = book.policy_ids(policy, target_id)
            if policy.policy_id in attached:
                raise target.place.error("is there twice.")
            if len(attached) >= MAX_ATTACHED[policy.policy_type]:
                limit = MAX_ATTACHED[policy.policy_type]
                raise target.place.error(
                    f"has {limit} policies of this type, AWS's own included; attach this one elsewhere."
                )
            book.attach(policy, target_id)
        if fields.find("tags"):
            world.organization.tags[policy.policy_id] = fields.texts("tags")


def _add_policy(world: World, fields: Fields) -> OrganizationPolicy:
    type_value, book = fields.find("type"), world.organization.policy_book
    policy_type = PolicyType(type_value.choice(*PolicyType)) if type_value else PolicyType.SERVICE_CONTROL_POLICY
    kind = PolicyKind.RESOURCE if policy_type is PolicyType.RESOURCE_CONTROL_POLICY else PolicyKind.IDENTITY
    content = read_document(fields.get("content"), kind)
    if len(content) > MAX_CHARACTERS[policy_type]:
        message = f"may have {MAX_CHARACTERS[policy_type]} characters, not {len(content)}; split the policy."
        raise fields.get("content").place.error(message)
    name = fields.get("name")
    try:
        policy = make_policy(world.organization, name.text(), policy_type, content, fields.text("description", ""))
    except ValueError as error:
        raise name.place.error(str(error)) from error
    book.enabled_types.add(policy_type)
    book.add(policy)
    return policy


def read_document(value: Value, kind: PolicyKind) -> str:
    """Read a policy document, written as YAML or as JSON text, and give it as JSON text."""
    plain = value.plain()
    text = plain if isinstance(plain, str) else json.dumps(plain)
    try:
        compile_policy(text, kind)
    except PolicyDocumentError as error:
        raise value.place.error(f"this isn't a policy document: {error}") from error
    return text


_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_ADMINISTRATOR, _NOTHING = "administrator", "none"


def add_principals(world: World, top: Fields) -> None:
    """Add the file's principals, and those that every scenario has and the file doesn't name.

    :raises ScenarioError: if one isn't in order.
    """
    named: set[str] = set()
    for value in top.items("principals"):
        fields = value.fields("name", "account", "root", "permissions", "tags")
        name = _read_name(fields.get("name"))
        if name in named:
            raise fields.get("name").place.error(f"there is a principal {name} already.")
        named.add(name)
        _add_principal(world, fields, name)
    _add_usual_principals(world, named)


def _add_principal(world: World, fields: Fields, name: str) -> None:
    account_id = find_account(world, fields.get("account")).account_id
    if fields.flag("root"):
        for field in ("permissions", "tags"):
            if fields.find(field):
                raise fields.get(field).place.error("a root user has none; leave it out.")
        add_root_principal(world, name, account_id)
        return
    add_user_principal(world, name, account_id, is_administrator=False)
    user = world.account(account_id).identities.users[name]
    _permit(user.permissions, fields)


def _permit(permissions: Permissions, fields: Fields) -> None:
    """Read ``permissions``: ``administrator``, ``none``, or a list of policy documents."""
    permissions.tags.update(fields.texts("tags"))
    value = fields.find("permissions")
    plain = value.plain() if value else _NOTHING
    if value is None or plain == _NOTHING:
        return
    if plain == _ADMINISTRATOR:
        permissions.managed_policies[ADMINISTRATOR_ACCESS_ARN] = FULL_ACCESS_DOCUMENT
        return
    if not isinstance(plain, list):
        raise value.place.error(f"must be {_ADMINISTRATOR}, {_NOTHING}, or a list of policy documents.")
    for number, document in enumerate(value.items(), start=1):
        permissions.inline_policies[f"policy-{number}"] = read_document(document, PolicyKind.IDENTITY)


def _add_usual_principals(world: World, named: set[str]) -> None:
    management_id = world.management_account_id
    delegates = world.organization.delegations.get(IAM_SERVICE_PRINCIPAL, {})
    members = _active_members(world)
    # A registered administrator is the delegate, else the first member.
    delegate = next((one for one in members if one.account_id in delegates), members[0] if members else None)
    member = next((one for one in reversed(members) if one is not delegate), delegate)
    places = {"management-admin": management_id, "observer": management_id}
    if delegate and member:
        places |= {"delegated-admin": delegate.account_id, "member-admin": member.account_id}
    for name, account_id in places.items():
        if name not in named:
            add_user_principal(world, name, account_id, is_administrator=name != "observer")
    if "management-root" not in named:
        add_root_principal(world, "management-root", management_id)


def _active_members(world: World) -> list[Account]:
    organization = world.organization
    return [
        account
        for account in organization.accounts.values()
        if account.state is AccountState.ACTIVE and account.account_id != organization.management_account_id
    ]


def add_roles(world: World, top: Fields) -> None:
    """Add the file's roles; one that has the access role's name replaces it.

    :raises ScenarioError: if one isn't in order.
    """
    named: set[tuple[str, str]] = set()
    for value in top.items("roles"):
        fields = value.fields("name", "account", "trusted_accounts", "trust_policy", "permissions", "tags")
        account, name = find_account(world, fields.get("account")), _read_name(fields.get("name"))
        if (account.account_id, name) in named:
            raise fields.get("name").place.error(f"the account has a role {name} already.")
        named.add((account.account_id, name))
        role = IamRole(
            name=name,
            role_id=derive_unique_id("AROA", world.seed, account.account_id, name),
            created_at=start_of(world) - timedelta(days=400),
            trust_policy=_read_trust(world, fields),
        )
        _permit(role.permissions, fields)
        account.identities.roles[name] = role


def _read_trust(world: World, fields: Fields) -> str:
    document = fields.find("trust_policy")
    if document:
        return read_document(document, PolicyKind.RESOURCE)
    trusted = [find_account(world, value).account_id for value in fields.get("trusted_accounts").items()]
    principal = {"AWS": [world.root_user_arn(account_id) for account_id in trusted]}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _read_name(value: Value) -> str:
    if not _NAME.fullmatch(value.text()):
        raise value.place.error(f"must be 1 to 64 letters, digits and +=,.@_- and not {value.text()!r}.")
    return value.text()


FORMAT = "1"

_TOP = (
    "scenario", "name", "organization", "organizational_units", "accounts", "outside_accounts", "policies",
    "principals", "roles",
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


def build_from_file(path: Path, clock: Callable[[], datetime]) -> World:
    """Build the world of a scenario file; the same file gives the same ids and keys.

    :raises ScenarioError: if the file isn't in order.
    """
    top = read_yaml(path).fields(*_TOP)
    version = top.get("scenario")
    if version.text() != FORMAT:
        raise version.place.error(f"must be {FORMAT}: the format of scenario files that this sandbox knows.")
    return _FileBuilder(top, path, clock).build()


class _FileBuilder:
    def __init__(self, top: Fields, path: Path, clock: Callable[[], datetime]) -> None:
        self._top = top
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
            has_all_features=self._settings.flag("all_features", default=True),
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
