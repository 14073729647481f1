"""A sandbox in a process of its own, as the stories see it: its keys, its truth and what it was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.foreign_clients import Keys
from tests.sandbox_process import Principal, SandboxProcess


def summarize(root_user: Mapping[str, Any]) -> dict[str, int]:
    """What GetAccountSummary says of a root user."""
    return {
        "password": int(bool(root_user["password"] or root_user["recovery_allowed"])),
        "access_keys": int(bool(root_user["access_keys"])),
        "signing_certificates": int(bool(root_user["signing_certificates"])),
        "mfa_devices": int(bool(root_user["mfa_devices"])),
    }


@dataclass(frozen=True, slots=True)
class Stage:
    """One running sandbox, and a home folder for the clients that use it."""

    process: SandboxProcess
    home: Path

    @property
    def url(self) -> str:
        return self.process.base_url

    def truth(self) -> dict[str, Any]:
        return self.process.organization()

    def read_root_users(self) -> dict[str, Any]:
        """The root user of every account, by account id."""
        return {account_id: account["root_user"] for account_id, account in self.process.accounts().items()}

    def principal(self, name: str) -> Principal:
        return self.process.principals()[name]

    def keys(self, name: str) -> Keys:
        principal = self.principal(name)
        return Keys(principal.access_key_id, principal.secret_access_key)

    def account_id(self, name: str) -> str:
        return self.principal(name).account_id

    def find_accounts(self, *, state: str = "ACTIVE") -> list[dict[str, Any]]:
        """Member accounts in that state."""
        truth = self.truth()
        return [
            account
            for account in truth["accounts"]
            if account["state"] == state and account["account_id"] != truth["management_account_id"]
        ]

    def list_blocked_accounts(self) -> set[str]:
        """Accounts under a policy whose content denies the root user and exempts no root sessions."""
        truth = self.truth()
        paths = {unit["ou_id"]: unit["ou_path"] for unit in truth["organizational_units"]}
        targets = {
            target
            for policy in truth["policies"]
            for target in policy["targets"]
            if ":root" in json.dumps(policy["content"]) and "aws:AssumedRoot" not in json.dumps(policy["content"])
        }
        denied = tuple(f"{paths[target]}/" for target in targets if target in paths)
        return {
            account["account_id"]
            for account in truth["accounts"]
            if account["account_id"] in targets or f"{account['ou_path']}/".startswith(denied)
        }
