"""Requests that name two hosts, so that a proxy and the server could each believe another one."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from tests.attack.stage import AttackStage


def test_a_request_that_names_two_hosts_is_refused_and_one_host_is_answered(stage: AttackStage) -> None:
    server = stage.start_server()
    own = urlsplit(server.url).netloc
    attempts = {
        f"GET /healthz HTTP/1.1\r\nHost: {own}": 200,
        f"GET http://{own}/healthz HTTP/1.1\r\nHost: {own}": 200,
        f"GET HTTP://{own}/healthz HTTP/1.1\r\nHost: {own}": 200,
        f"GET /healthz HTTP/1.1\r\nHost: {own}\r\nHost: {own}": 400,
        f"GET /healthz HTTP/1.1\r\nHost: {own}\r\nhost: evil.example": 400,
        f"GET /healthz HTTP/1.1\r\nHost: evil.example\r\nHost: {own}": 400,
        f"GET http://evil.example/healthz HTTP/1.1\r\nHost: {own}": 400,
        f"GET http://evil.example?x=/healthz HTTP/1.1\r\nHost: {own}": 400,
        f"GET http://{own}@evil.example/healthz HTTP/1.1\r\nHost: {own}": 400,
        f"GET http://{own}/healthz HTTP/1.1\r\nHost: evil.example": 400,
        f"GET http://{own}/healthz HTTP/1.0": 400,
        "GET /healthz HTTP/1.1\r\nHost: evil.example": 421,
    }
    assert {head: read_status(own, head) for head in attempts} == attempts


def read_status(place: str, head: str) -> int:
    host, _, port = place.partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    return int(answer.split(b" ", 2)[1])
