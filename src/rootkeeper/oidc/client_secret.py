"""Reading the client's secret where its reference says, each time that it is needed: it is kept nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.errors import IdentityProviderError, SettingsError
from rootkeeper.settings.references import read_reference


def read_client_secret(reference: str, environment: Mapping[str, str]) -> str | None:
    """The secret; ``None`` for a client that has none.

    :raises IdentityProviderError: if there is none where the reference says, or others may read its file.
    """
    if not reference:
        return None
    try:
        return read_reference(reference, environment)
    except SettingsError as error:
        raise IdentityProviderError(
            f"The client secret of the identity provider can't be used: {error.message}.",
            hint="Put the secret where the setting oidc.client_secret says, readable by the server alone.",
        ) from error
