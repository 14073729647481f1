"""What counts as this machine, where nobody else can listen in."""

from __future__ import annotations

import ipaddress


def is_loopback(name: str) -> bool:
    """Whether a host's name or address stands for this machine and nothing else; none at all doesn't.

    Names below ``localhost`` don't count: whoever answers for DNS may have them point anywhere.
    """
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
