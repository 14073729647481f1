"""Whom a server knows, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from rootkeeper.access.links import REMOVED_LINK, PasswordLink, find_link_name, fits_link, is_link
from rootkeeper.access.rules import Identity, IdentityKind, NewSession, ServerRole, Session, SignInWay, fold_name
from rootkeeper.access.store import IdentityStore
from rootkeeper.errors import InputError, NotFoundError
from tests.fakes.clock import FakeClock


@dataclass
class InMemoryIdentities(IdentityStore):
    """Implements IdentityStore; proofs are kept as they are."""

    clock: FakeClock
    kept: dict[str, Identity] = field(default_factory=dict)
    proofs: dict[str, str] = field(default_factory=dict)
    """By folded name."""
    sign_ins: dict[str, Session] = field(default_factory=dict)
    """By secret; ``InMemorySessions`` hands them out."""

    def add_user(self, identity: Identity, password: str) -> None:
        self._add(identity, password)

    def add_token(self, identity: Identity, token: str) -> None:
        self._add(identity, token)

    def add_provider_user(self, identity: Identity, proof_hash: str) -> None:
        self._add(identity, proof_hash)

    def add_invited(self, identity: Identity, link: PasswordLink) -> None:
        self._add(identity, link.proof_hash)

    def replace_password(self, name: str, link: PasswordLink) -> Identity:
        self.set_password(name, link.proof_hash)
        return self._replace(replace(self.get(name), link_ends_at=link.ends_at))

    def find_link_owner(self, token: str) -> Identity | None:
        folded, now = fold_name(find_link_name(token)), self.clock.now()
        identity = self.kept.get(folded)
        if identity is None or not identity.is_usable(now):
            return None
        return identity if fits_link(self.proofs[folded], identity.identity_id, token, now) else None

    def use_link(self, token: str, password: str) -> bool:
        owner = self.find_link_owner(token)
        if owner is None:
            return False
        self.set_password(owner.name, password)
        return True

    def find_proof(self, name: str, password: str) -> str | None:
        folded = fold_name(name)
        found = self.kept.get(folded)
        is_known = found is not None and (found.kind, found.signs_in_by) == (IdentityKind.USER, SignInWay.PASSWORD)
        is_right = is_known and not is_link(self.proofs[folded]) and self.proofs[folded] == password
        return password if is_right else None

    def change_password(self, name: str, known: str, new_password: str, session_id: str) -> bool:
        if self.proofs[fold_name(name)] != known or not self.get(name).is_usable(self.clock.now()):
            return False
        kept = {secret: one for secret, one in self.sign_ins.items() if one.session_id == session_id}
        self.set_password(name, new_password)
        self.sign_ins.update(kept)
        return True

    def find_person(self, proof_hash: str) -> Identity | None:
        found = (one for folded, one in self.kept.items() if self.proofs[folded] == proof_hash)
        return next((one for one in found if one.signs_in_by is not SignInWay.PASSWORD), None)

    def set_provider_role(self, name: str, role: ServerRole, groups: tuple[str, ...]) -> Identity:
        found = replace(self.get(name), role=role, signs_in_by=SignInWay.OIDC, provider_groups=groups)
        return self._replace(found)

    def find_by_token(self, token: str) -> Identity | None:
        now = self.clock.now()
        for folded, identity in self.kept.items():
            is_token = identity.kind is IdentityKind.TOKEN and self.proofs[folded] == token
            if is_token and identity.is_usable(now):
                self.kept[folded] = replace(identity, last_used_at=now)
                return self.kept[folded]
        return None

    def sign_in(self, name: str, password: str, new: NewSession) -> Identity | None:
        folded = fold_name(name)
        identity = self.kept.get(folded)
        if identity is None or not identity.is_usable(self.clock.now()) or self.find_proof(name, password) is None:
            return None
        self.begin(identity, new)
        return identity

    def begin(self, identity: Identity, new: NewSession) -> None:
        self.sign_ins[new.secret] = Session(
            session_id=new.session_id,
            kind=new.kind,
            identity=identity,
            started_at=new.started_at,
            last_used_at=new.started_at,
            expires_at=new.expires_at,
            address=new.address,
            user_agent=new.user_agent,
            factor_at=new.factor_at,
        )

    def get(self, name: str) -> Identity:
        if fold_name(name) not in self.kept:
            raise NotFoundError(f"There is no user or token of the name {name}.")
        return self.kept[fold_name(name)]

    def list_identities(self) -> tuple[Identity, ...]:
        return tuple(sorted(self.kept.values(), key=lambda one: (one.kind.value, fold_name(one.name))))

    def disable(self, name: str, at: datetime) -> Identity:
        disabled_at = self.get(name).disabled_at or at
        self._end_sign_ins(name)
        if is_link(self.proofs[fold_name(name)]):
            self.proofs[fold_name(name)] = REMOVED_LINK
        return self._replace(replace(self.get(name), disabled_at=disabled_at, link_ends_at=None))

    def set_role(self, name: str, role: ServerRole) -> Identity:
        return self._replace(replace(self._get_user(name), role=role))

    def set_password(self, name: str, password: str) -> Identity:
        identity = self._get_user(name)
        if identity.signs_in_by is SignInWay.OIDC:
            raise InputError(f"{identity.name} signs in at an identity provider.")
        self.proofs[fold_name(name)] = password
        self._end_sign_ins(name)
        return self._replace(replace(identity, link_ends_at=None))

    def _add(self, identity: Identity, proof: str) -> None:
        if fold_name(identity.name) in self.kept:
            raise InputError(f"There is a user or token of the name {identity.name} already.")
        self._replace(identity)
        self.proofs[fold_name(identity.name)] = proof

    def _replace(self, identity: Identity) -> Identity:
        self.kept[fold_name(identity.name)] = identity
        return identity

    def _get_user(self, name: str) -> Identity:
        identity = self.get(name)
        if identity.kind is not IdentityKind.USER:
            raise InputError(f"{identity.name} is a token.")
        return identity

    def _end_sign_ins(self, name: str) -> None:
        ended = [secret for secret, one in self.sign_ins.items() if fold_name(one.identity.name) == fold_name(name)]
        for secret in ended:
            del self.sign_ins[secret]
