"""Checksums that come with an object: verified when it is put, kept, and given back on request.

Source: Amazon S3 User Guide, "Checking object integrity".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from rootkeeper.sandbox.exchange import ServiceError

_CRC32C_POLYNOMIAL = 0x82F63B78
_CRC64NVME_POLYNOMIAL = 0x9A6C9329AC4BC9B5
"""Both reflected."""


@cache
def _crc_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


def _crc(data: bytes, polynomial: int, size_bytes: int) -> bytes:
    table, mask = _crc_table(polynomial), (1 << (8 * size_bytes)) - 1
    value = mask
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return (value ^ mask).to_bytes(size_bytes)


DIGESTS: Mapping[str, Callable[[bytes], bytes]] = {
    "ChecksumCRC32": lambda data: zlib.crc32(data).to_bytes(4),
    "ChecksumCRC32C": lambda data: _crc(data, _CRC32C_POLYNOMIAL, 4),
    "ChecksumCRC64NVME": lambda data: _crc(data, _CRC64NVME_POLYNOMIAL, 8),
    "ChecksumMD5": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    "ChecksumSHA1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "ChecksumSHA256": lambda data: hashlib.sha256(data).digest(),
    "ChecksumSHA512": lambda data: hashlib.sha512(data).digest(),
}
"""By the model's member."""


def verify_checksums(parameters: Mapping[str, Any], body: bytes) -> dict[str, str]:
    """Verify whatever checksums came with a body, and give them.

    :raises ServiceError: BadDigest, InvalidDigest or InvalidRequest.
    """
    _verify_md5(parameters.get("ContentMD5"), body)
    sent = {name: value for name, value in parameters.items() if _is_checksum(name)}
    for name, value in sent.items():
        algorithm = name.removeprefix("Checksum")
        if name not in DIGESTS:
            raise ServiceError("InvalidRequest", f"The sandbox does not imitate the checksum {algorithm}.")
        if value != base64.b64encode(DIGESTS[name](body)).decode("ascii"):
            message = f"The {algorithm} you specified did not match the calculated checksum."
            raise ServiceError("BadDigest", message)
    return sent


def _is_checksum(name: str) -> bool:
    return name.startswith("Checksum") and name not in ("ChecksumAlgorithm", "ChecksumMode", "ChecksumType")


def _verify_md5(sent: str | None, body: bytes) -> None:
    if sent is None:
        return
    try:
        digest = base64.b64decode(sent, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise ServiceError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if digest != hashlib.md5(body, usedforsecurity=False).digest():
        raise ServiceError("BadDigest", "The Content-MD5 you specified did not match what we received.")
