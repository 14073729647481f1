"""The tables of whoever uses a server: users and tokens, their sign-ins and second factors, and what failed of that.

Of secrets only hashes are kept, or what was encrypted by a key that isn't in the database.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, String, Table, Text, UniqueConstraint

from rootkeeper.storage.schema import JsonText, UtcTime, metadata

identities = Table(
    "identities",
    metadata,
    Column("identity_id", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("folded_name", Text, nullable=False),
    Column("role", String(32), nullable=False),
    Column("proof_hash", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("disabled_at", UtcTime),
    Column("last_used_at", UtcTime),
    Column("signs_in_by", String(16), nullable=False, server_default="password"),
    Column("permissions", JsonText),
    Column("organizational_units", JsonText),
    UniqueConstraint("organization_id", "folded_name"),
    Index("ix_identities_proof_hash", "proof_hash"),
)
"""``proof_hash``: of a token SHA-256, since it is random; of a password argon2, since it isn't; of a user of an
identity provider SHA-256 of the provider and its subject. ``permissions`` and ``organizational_units`` are a
token's limits; NULL for none.
"""

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("identity_id", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("last_used_at", UtcTime, nullable=False),
    Column("factor_at", UtcTime),
    Column("address", Text),
    Column("user_agent", Text),
    ForeignKeyConstraint(["identity_id"], ["identities.identity_id"], ondelete="CASCADE"),
    UniqueConstraint("session_id"),
    Index("ix_sign_ins_identity_id", "identity_id"),
)
"""``token_hash``: of the secret in a browser's cookie or in a bearer token; it changes with each factor that was given.
The token against forged requests is derived from the secret, and kept nowhere.
"""

factors = Table(
    "factors",
    metadata,
    Column("factor_id", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("identity_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("name", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("confirmed_at", UtcTime),
    Column("last_used_at", UtcTime),
    Column("sealed_seed", Text),
    Column("last_step", Integer),
    Column("credential_id", Text),
    Column("public_key", Text),
    Column("sign_count", BigInteger),
    ForeignKeyConstraint(["identity_id"], ["identities.identity_id"], ondelete="CASCADE"),
    UniqueConstraint("organization_id", "credential_id"),
    Index("ix_factors_identity_id", "identity_id"),
)
"""Second factors. ``sealed_seed`` is what an authenticator app's codes are made from, encrypted by a key that isn't in
the database; a passkey's public key is no secret.
"""

factor_challenges = Table(
    "factor_challenges",
    metadata,
    Column("challenge_hash", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("ends_at", UtcTime, nullable=False),
)
"""What passkeys were asked and haven't answered yet."""

first_administrator_links = Table(
    "first_administrator_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("ends_at", UtcTime, nullable=False),
)

key_checks = Table(
    "key_checks",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("check_value", String(64), nullable=False),
)
"""By which a server finds out whether its key file is the one that factors were encrypted by; it tells nothing of the
key.
"""

failed_attempts = Table(
    "failed_attempts",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("attempt_id", String(64), primary_key=True),
    Column("key_hash", String(64), primary_key=True),
    Column("ends_at", UtcTime, nullable=False),
    Index("ix_failed_attempts_key_hash", "organization_id", "key_hash", "ends_at"),
    Index("ix_failed_attempts_ends_at", "organization_id", "ends_at"),
)
"""What failed lately, such as a sign-in; of names and addresses only hashes, since people type passwords there too."""

sign_in_starts = Table(
    "sign_in_starts",
    metadata,
    Column("organization_id", String(34), primary_key=True),
    Column("secret_hash", String(64), primary_key=True),
    Column("started_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("return_to", Text, nullable=False),
    Column("session_id", String(64)),
    Index("ix_sign_in_starts_ends_at", "organization_id", "ends_at"),
)
"""Sign-ins that somebody began at an identity provider; what proves that it was the same browser is in its cookie."""
