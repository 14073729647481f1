"""The mail that AWS would have sent, kept by address instead of leaving the machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

_KEPT_PER_ADDRESS = 100


@dataclass(frozen=True, slots=True)
class Message:
    """One e-mail."""

    sender: str
    recipient: str
    subject: str
    body: str
    sent_at: datetime


@dataclass
class Mailboxes:
    """All messages by address, oldest first; addresses compare without regard to case."""

    _messages: dict[str, list[Message]] = field(default_factory=dict)

    def deliver(self, message: Message) -> None:
        messages = self._messages.setdefault(message.recipient.lower(), [])
        messages.append(message)
        del messages[:-_KEPT_PER_ADDRESS]

    def messages(self, address: str) -> tuple[Message, ...]:
        return tuple(self._messages.get(address.lower(), ()))

    def counts(self) -> list[tuple[str, int]]:
        """List the addresses that have mail, in order, with the number of messages."""
        return sorted((address, len(messages)) for address, messages in self._messages.items() if messages)
