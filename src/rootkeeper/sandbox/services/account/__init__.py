"""Account Management: root e-mail addresses, contacts and Regions."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services.account import contacts, emails, regions

OPERATIONS: dict[str, Operation] = {**contacts.OPERATIONS, **emails.OPERATIONS, **regions.OPERATIONS}
