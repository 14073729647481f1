"""Who a server takes a client for, where it says itself who it is, and how it speaks TLS."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import urllib3

from rootkeeper.cli.server_process import HttpServer, TlsFiles, bind, render_url, require_proxies
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.errors import InputError
from rootkeeper.server.connections import choose_limits
from tests.fakes.stopping_runtime import StoppingRuntime
from tests.fakes.tls_server import make_authority


async def tell_client(scope: Any, _: Any, send: Any) -> None:
    """Answers with how it thinks that it was asked, and the address that it takes the client's for."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['scheme']} {scope['client'][0]}".encode()})


@contextmanager
def serving(proxies: Sequence[str] = (), tls: TlsFiles | None = None) -> Iterator[str]:
    """Where it answers."""
    stopping, is_ready = StoppingRuntime(), threading.Event()
    with bind("127.0.0.1", 0, beyond_loopback=False) as listener:
        limits = choose_limits(100, 100, proxies, None)
        server = HttpServer(tell_client, cast("ServerRuntime", stopping), stopping, is_ready.set, limits, tls)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            assert is_ready.wait(60)
            yield render_url(*listener.getsockname()[:2], is_tls=tls is not None)
        finally:
            stopping.asked.set()
            thread.join()


def ask(proxies: Sequence[str]) -> str:
    """Who a client on this machine is taken for that says that it asks for another, by TLS."""
    reported = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    with serving(proxies) as url:
        return urllib3.request("GET", url, headers=reported).data.decode()


def test_a_peer_that_only_claims_to_be_a_proxy_isnt_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    assert ask(()) == "http 127.0.0.1"


def test_a_proxy_that_is_named_is_believed() -> None:
    assert ask(("127.0.0.1",)) == "https 203.0.113.7"


def test_each_proxy_of_a_network_that_is_named_is_believed() -> None:
    assert ask(("127.0.0.0/24",)) == "https 203.0.113.7"


@pytest.mark.parametrize("named", ["10.0.0.1", "127.0.1.0/24"])
def test_another_one_than_is_named_is_not(named: str) -> None:
    assert ask((named,)) == "http 127.0.0.1"


def test_it_speaks_tls_with_the_certificate_that_it_was_given_and_no_plain_text(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    with serving(tls=TlsFiles(authority.issue("127.0.0.1"), None)) as url:
        assert url.startswith("https://127.0.0.1:")
        with urllib3.PoolManager(ca_certs=str(authority.bundle)) as pool:
            assert pool.request("GET", url, retries=False).data == b"https 127.0.0.1"
        with pytest.raises(urllib3.exceptions.ProtocolError), urllib3.PoolManager() as pool:
            pool.request("GET", url.replace("https:", "http:"), retries=False)


def test_on_this_machine_it_is_reached_by_name_as_passkeys_need_it() -> None:
    with serving() as url:
        assert re.fullmatch(r"http://localhost:\d+", url)
        assert urllib3.request("GET", url).data == b"http 127.0.0.1"


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_that_name_isnt_shown_where_it_may_lead_to_another_program() -> None:
    with bind("127.0.0.1", 0, beyond_loopback=False) as listener:
        port = listener.getsockname()[1]
        with bind("::1", port, beyond_loopback=False):
            assert render_url("127.0.0.1", port) == f"http://127.0.0.1:{port}"
            assert render_url("::1", port) == f"http://[::1]:{port}"
        assert render_url("127.0.0.1", port) == f"http://localhost:{port}"


@pytest.mark.parametrize("address", ["*", "", "proxy.example.com", "127.0.0.1,10.0.0.1", "10.0.0.1/24"])
def test_a_proxy_is_an_address_or_a_network(address: str) -> None:
    with pytest.raises(InputError, match="not the address of a proxy"):
        require_proxies((address,))


@pytest.mark.parametrize("network", ["0.0.0.0/0", "10.0.0.0/15", "::/0", "2001:db8::/47"])
def test_a_network_of_proxies_is_that_of_one_site(network: str) -> None:
    with pytest.raises(InputError, match="too wide for proxies"):
        require_proxies((network,))


def test_the_networks_of_one_site_are_accepted() -> None:
    networks = ("10.0.0.0/16", "10.1.2.0/24", "2001:db8::/48", "127.0.0.1")
    assert require_proxies(networks) == networks
