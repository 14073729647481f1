"""What a process reaches for over the network: shown by Python's own audit events, and by the kernel's list of sockets.

The audit hook sees each attempt of Python code, however short and whether or not it succeeds. The kernel's list also
has what libraries in C connect to, such as libpq, as long as it lasts.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path

_HOOK = """
import os, sys
def _note(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        address = (arguments[0], arguments[1] if event == "socket.getaddrinfo" else 0)
    else:
        return
    line = (event + " " + repr(address) + chr(10)).encode()
    os.write(_FILE, line)
_FILE = os.open(os.environ["WITNESS_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
sys.addaudithook(_note)
"""
_LISTENING = "0A"


@dataclass
class NetworkWitness:
    """To be put into the environment of a process before it starts."""

    folder: Path
    seen: set[tuple[str, int]] = field(default_factory=set)
    """Peers in the kernel's list, so far."""

    @property
    def environment(self) -> dict[str, str]:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "sitecustomize.py").write_text(_HOOK)
        repository = Path(__file__).resolve().parents[3]
        paths = [str(self.folder), os.environ.get("PYTHONPATH", ""), str(repository)]
        return {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "WITNESS_FILE": str(self._file)}

    @property
    def attempts(self) -> set[str]:
        """What Python code tried, each as ``event address``."""
        return set(self._file.read_text().splitlines()) if self._file.exists() else set()

    @property
    def _file(self) -> Path:
        return self.folder / "attempts"

    def look(self, process_id: int) -> None:
        """Note the peers that the process is connected to now."""
        own = _list_inodes(process_id)
        for table in ("tcp", "tcp6", "udp", "udp6"):
            for line in Path(f"/proc/{process_id}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                peer = _parse_address(fields[2])
                if fields[9] in own and fields[3] != _LISTENING and peer[1]:
                    self.seen.add(peer)


def _list_inodes(process_id: int) -> set[str]:
    found: set[str] = set()
    for handle in Path(f"/proc/{process_id}/fd").iterdir():
        try:
            target = str(handle.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def _parse_address(text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    words = [struct.pack("=I", int(address[at : at + 8], 16)) for at in range(0, len(address), 8)]
    packed = b"".join(words)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    ip = ipaddress.ip_address(socket.inet_ntop(family, packed))
    mapped = getattr(ip, "ipv4_mapped", None)
    return str(mapped or ip), int(port, 16)
