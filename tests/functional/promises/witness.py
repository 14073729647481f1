"""Watches the ledger from outside while privileged calls leave."""

from __future__ import annotations

import json
import threading
from typing import Any

from tests.functional.promises.interposed_proxy import MUTATING_OPERATIONS, Answer, Request
from tests.functional.promises.stage import Stage, read_rows

OPEN_INTENTS = """
    SELECT * FROM ledger_entries AS intent WHERE phase = 'intent'
    AND NOT EXISTS (SELECT 1 FROM ledger_entries AS outcome WHERE outcome.intent_sequence = intent.sequence)
"""


class Witness:
    """Reads the ledger past the program at each privileged call, before it is let through."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._claiming = threading.Lock()
        self.claimed: dict[tuple[int, str | None], Request] = {}
        self.unfounded: list[Request] = []

    def __call__(self, request: Request) -> Answer | None:
        if not request.is_privileged:
            return None
        intents = read_rows(self._stage.database, OPEN_INTENTS)
        claims = [(intent["sequence"], request.account_id) for intent in intents if _covers(intent, request)]
        with self._claiming:
            unclaimed = [claim for claim in claims if claim not in self.claimed]
            if unclaimed:
                self.claimed[unclaimed[0]] = request
            else:
                self.unfounded.append(request)
        return None


def _covers(intent: dict[str, Any], request: Request) -> bool:
    parameters = json.loads(intent["parameters"])
    if intent["action"] == "accounts:audit":
        is_audit = request.task_policy == "IAMAuditRootUserCredentials"
        return request.operation == "AssumeRoot" and is_audit and request.account_id in parameters["account_ids"]
    if request.operation == "AssumeRoot":
        wanted = ("root_session:open", request.account_id, request.task_policy)
        return wanted == (intent["action"], intent["account_id"], parameters.get("task_policy"))
    if intent["action"] != MUTATING_OPERATIONS[request.operation]:
        return False
    named = {parameters.get(name) for name in ("access_key_id", "signing_certificate_id", "mfa_serial_number")} - {None}
    targets = {request.parameters.get(name) for name in ("AccessKeyId", "CertificateId", "SerialNumber")} - {None}
    return bool(request.account_id in (intent["account_id"], None) and named == targets)
