"""Adds the project's URLs to the package's metadata, from the repository that releases it.

The sources name no address, because forks and mirrors have their own. A release workflow gives it in
``ROOTKEEPER_PROJECT_URL``; a build without it has no URLs.
"""

from __future__ import annotations

import os
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

VARIABLE = "ROOTKEEPER_PROJECT_URL"
PAGES = {
    "Homepage": "",
    "Documentation": "/blob/HEAD/docs/README.md",
    "Source": "",
    "Issues": "/issues",
    "Changelog": "/blob/HEAD/CHANGELOG.md",
    "Security": "/blob/HEAD/SECURITY.md",
}
"""Paths below the repository's address. Source: "Well-known labels", PyPA specifications."""


class ProjectUrlHook(MetadataHookInterface):
    """Fills in the dynamic field ``urls``."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the URLs, if the repository's address is known."""
        address = os.environ.get(VARIABLE, "").rstrip("/")
        metadata["urls"] = {label: address + path for label, path in PAGES.items()} if address else {}
