"""``python -m rootkeeper_sandbox``: the sandbox as a process of its own, ``env`` for a shell that uses it, ``init``."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shlex
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rootkeeper_sandbox.partitions import PARTITIONS
from rootkeeper_sandbox.scenarios.build import EXAMPLES, SCENARIOS, Origin, find_example
from rootkeeper_sandbox.server import DEFAULT_HOST, DEFAULT_PORT, SandboxOptions, StartError, serve

_USAGE_ERROR, _UNREACHABLE = 2, 3
_MAX_BYTES = 1 << 20


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A sandbox redirects no one."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())
"""No proxy: the control interface answers on this machine only."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["env"]:
        return _print_environment(given[1:])
    if given[:1] == ["init"]:
        return _write_example(given[1:])
    asked = _serving_parser().parse_args(given)
    options = SandboxOptions(
        host=asked.host,
        port=asked.port,
        origin=Origin(
            asked.scenario, asked.accounts, asked.organizational_units, asked.seed, asked.features, asked.partition
        ),
        state=asked.state,
        throttle=asked.throttle,
        consistency=asked.consistency,
        latency_ms=asked.latency_ms,
        allows_insecure_listen=asked.insecure_listen,
        parent_id=asked.exit_with_parent,
    )
    try:
        serve(options)
    except StartError as error:
        return _show_error(str(error), _USAGE_ERROR)
    return 0


def _serving_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rootkeeper sandbox",
        usage="%(prog)s [OPTIONS]",
        description="Serve an AWS-compatible organization on this machine. `sandbox env` prints how to use it,"
        " `sandbox init` writes a scenario file to start from.",
    )
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="0: any free port (default: %(default)s)")
    world = parser.add_mutually_exclusive_group()
    world.add_argument(
        "--scenario",
        metavar="NAME|FILE.yaml",
        help=f"what to start with: {', '.join(SCENARIOS)}, or a file (default: demo)",
    )
    world.add_argument("--accounts", type=int, metavar="N", help="generate an organization of N accounts")
    parser.add_argument(
        "--organizational-units", type=int, metavar="N", help="of the generated organization (default: accounts/20)"
    )
    parser.add_argument("--seed", type=int, metavar="S", help="makes another organization of N accounts (default: 1)")
    parser.add_argument(
        "--features",
        choices=("none", "credentials", "sessions", "all"),
        help="features that are on at the start, with trusted access (default: what the scenario says)",
    )
    parser.add_argument(
        "--partition", choices=tuple(PARTITIONS), help="partition of its ARNs, Regions and features (default: aws)"
    )
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="keep the state in FILE, and continue from there if it exists"
    )
    parser.add_argument(
        "--throttle", choices=("aws", "none"), default="none", help="limit rates as AWS does (default: %(default)s)"
    )
    parser.add_argument(
        "--consistency",
        choices=("immediate", "aws"),
        default="immediate",
        help="aws: STS notices removals up to three minutes late (default: %(default)s)",
    )
    parser.add_argument("--latency-ms", type=_latency, default=0.0, metavar="N", help="least time of every call")
    parser.add_argument("--insecure-listen", action="store_true", help="allow a --host that others can reach")
    parser.add_argument(
        "--exit-with-parent",
        nargs="?",
        type=int,
        const=os.getppid(),
        metavar="ID",
        help="end when the parent process has ended; ID: its process id, in case it ends very early",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port.")
    return int(text)


def _latency(text: str) -> float:
    if not text.isdecimal() or int(text) > 600_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of milliseconds up to 600000.")
    return float(text)


def _print_environment(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="rootkeeper sandbox env", description="Print the environment of one principal of a running sandbox."
    )
    parser.add_argument("--host", default=DEFAULT_HOST, help="where it listens (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="(default: %(default)s)")
    parser.add_argument("--principal", default="management-admin", metavar="NAME", help="(default: %(default)s)")
    given = parser.parse_args(arguments)
    endpoint = f"http://{f'[{given.host}]' if ':' in given.host else given.host}:{given.port}"
    try:
        principals = {principal["name"]: principal for principal in _read_principals(endpoint)}
    except ListenerError:
        return _show_error_to_shell(
            f"the program that listens at {endpoint} isn't a Rootkeeper sandbox. Name the sandbox's port with --port:"
            " its READY line shows it.",
            _UNREACHABLE,
        )
    except (OSError, http.client.HTTPException) as error:
        return _show_error_to_shell(
            f"no sandbox answers at {endpoint} ({error}). Start one with `rootkeeper sandbox`, or name the port of"
            " another one with --port.",
            _UNREACHABLE,
        )
    principal = principals.get(given.principal)
    if principal is None:
        return _show_error_to_shell(
            f"there is no principal {given.principal}; known: {', '.join(principals)}.", _USAGE_ERROR
        )
    region = PARTITIONS[principal["arn"].split(":")[1]].home_region
    values = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": principal["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": principal["secret_access_key"],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    sys.stdout.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    return 0


class ListenerError(Exception):
    """The answering server isn't a sandbox of Rootkeeper."""


def _read_principals(endpoint: str) -> list[dict[str, str]]:
    """Read the principals of the sandbox at an endpoint.

    :raises ListenerError: if another program answers.
    :raises OSError, HTTPException: if none answers.
    """
    with contextlib.ExitStack() as open_answers:
        try:
            answer = open_answers.enter_context(_DIRECT.open(f"{endpoint}/_sandbox/principals", timeout=5))
        except urllib.error.HTTPError as error:
            error.close()
            raise ListenerError from error
        except http.client.BadStatusLine as error:
            if isinstance(error, http.client.RemoteDisconnected):
                raise
            raise ListenerError from error
        try:
            principals = json.loads(answer.read(_MAX_BYTES))
        except ValueError as error:
            raise ListenerError from error
    fields = ("name", "arn", "account_id", "access_key_id", "secret_access_key")
    if not (isinstance(principals, list) and all(_has_texts(principal, fields) for principal in principals)):
        raise ListenerError
    return principals


def _has_texts(found: object, fields: Sequence[str]) -> bool:
    return isinstance(found, dict) and all(isinstance(found.get(name), str) for name in fields)


def _write_example(arguments: Sequence[str]) -> int:
    reported = "; ".join(f"{name}: {contents}" for name, contents in EXAMPLES.items())
    parser = argparse.ArgumentParser(
        prog="rootkeeper sandbox init",
        description=f"Write an example scenario file that you can change. {reported}.",
    )
    parser.add_argument(
        "file", nargs="?", type=Path, default=Path("sandbox.yaml"), help="where to (default: %(default)s)"
    )
    parser.add_argument("--example", choices=tuple(EXAMPLES), default="small-start", help="(default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="overwrite a file that exists")
    given = parser.parse_args(arguments)
    try:
        with given.file.open("w" if given.force else "x", encoding="utf-8") as file:
            file.write(find_example(given.example).read_text(encoding="utf-8"))
    except FileExistsError:
        return _show_error(f"{given.file} exists already (--force overwrites it).", _USAGE_ERROR)
    except OSError as error:
        return _show_error(f"can't write {given.file}: {error.strerror or error}.", _USAGE_ERROR)
    sys.stdout.write(
        f"{given.file} holds the example {given.example}. Change it, then start it with:\n"
        f"  rootkeeper sandbox --scenario {shlex.quote(str(given.file))}\n"
    )
    return 0


def _show_error_to_shell(message: str, status: int) -> int:
    """Let an ``eval`` of stdout fail, too, lest a command behind it go to AWS itself."""
    sys.stdout.write("false\n")
    return _show_error(message, status)


def _show_error(message: str, status: int) -> int:
    sys.stderr.write(f"rootkeeper sandbox: {message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
