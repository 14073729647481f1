"""The files with which people build and run the image: what they promise, and that their readers understand them."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from rootkeeper.cli.server_process import require_proxies
from rootkeeper.settings.reading import load_settings
from tests.e2e.tool_environments import find_programs
from tests.go_programs import SECONDS, build_program
from tests.official_schemas import require_compose
from tests.unit.database.samples import REPOSITORY

CONTAINERFILE = REPOSITORY / "Containerfile"
COMPOSE = REPOSITORY / "deploy/compose/compose.yaml"
KUBERNETES = REPOSITORY / "deploy/kubernetes"
VARIANTS = ("postgresql", "sqlite")
BUILT = (*VARIANTS, *(f"{variant}/{part}" for variant in VARIANTS for part in ("maintenance", "upgrade")))
"""Folders for kustomize."""
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
DIGEST = re.compile(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}")


def read_instructions() -> list[tuple[str, str]]:
    """The instructions of the Containerfile and their values, in order."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(name, rest) for line in text.splitlines() if line for name, _, rest in [line.partition(" ")]]


def list_final_stage() -> list[tuple[str, str]]:
    instructions = read_instructions()
    (*_, last) = (number for number, (name, _) in enumerate(instructions) if name == "FROM")
    return instructions[last:]


def test_the_base_is_an_argument_pinned_by_its_digest() -> None:
    instructions = read_instructions()
    name, value = instructions[0]
    argument, _, image = value.partition("=")
    assert (name, argument) == ("ARG", "BASE")
    assert DIGEST.fullmatch(image)
    assert [rest.split()[0] for name, rest in instructions if name == "FROM"] == ["${BASE}", "${BASE}"]


def test_the_image_needs_no_shell_and_no_root() -> None:
    stage = dict(list_final_stage())
    assert "RUN" not in stage
    user, group = map(int, stage["USER"].split(":"))
    assert min(user, group) >= 10_000
    assert stage["VOLUME"] == stage["WORKDIR"] == "/data"
    health = stage["HEALTHCHECK"].partition(" CMD ")[2].strip()
    for command in (stage["ENTRYPOINT"], stage["CMD"], health):
        assert all(isinstance(word, str) for word in json.loads(command))


def test_every_package_of_the_image_is_checked_against_its_hash() -> None:
    installs = [part for name, rest in read_instructions() if name == "RUN" for part in rest.split("&&")]
    fetching = [part for part in installs if " install " in part and "--no-deps" not in part]
    assert len(fetching) == 2
    assert all("--require-hashes" in part for part in fetching)


def test_the_image_has_the_versions_that_are_tested() -> None:
    pinned = re.compile(r"^([a-z0-9.-]+)==(\S+)", re.MULTILINE)
    tested = dict(pinned.findall((REPOSITORY / "requirements/tests.lock").read_text()))
    shipped = dict(pinned.findall((REPOSITORY / "requirements/server.lock").read_text()))
    assert {"botocore", "fastapi", "psycopg"} <= shipped.keys()
    assert [name for name, version in shipped.items() if tested.get(name) != version] == []


def read_compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


def test_compose_runs_a_server_and_two_workers_shut_in() -> None:
    document = read_compose()
    require_compose(document)
    services = document["services"]
    assert services["worker"]["deploy"]["replicas"] == 2
    assert services["worker"]["command"] == ["worker"]
    for name in ("server", "worker"):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert int(service["stop_grace_period"].removesuffix("s")) > 10
        assert service["volumes"] == ["data:/data"]
    assert "ports" not in services["server"], "only the proxy is reached from outside"
    assert services["proxy"]["ports"]
    assert all(DIGEST.fullmatch(services[name]["image"]) for name in ("database", "proxy"))
    assert services["backup"]["image"] == services["database"]["image"], "tools of the server's version"


def test_composes_variables_are_settings_and_its_proxy_is_the_trusted_one(tmp_path: Path) -> None:
    services = read_compose()["services"]
    variables = dict(services["server"]["environment"])
    variables["ROOTKEEPER_SERVER_PUBLIC_URL"] = "https://rootkeeper.example.com"
    assert variables["ROOTKEEPER_DATABASE_URL"] == "file:/run/secrets/database_url"
    variables["ROOTKEEPER_DATABASE_URL"] = f"file:{write_secret(tmp_path)}"
    settings = load_settings(None, variables, tmp_path)
    assert settings.server.trusted_proxies == (services["proxy"]["networks"]["inside"]["ipv4_address"],)
    assert settings.server.key_file.is_relative_to("/data")
    assert not any("password" in str(value) for value in variables.values())


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_settings_for_kubernetes_are_settings(variant: str, tmp_path: Path) -> None:
    text = (KUBERNETES / variant / "settings/rootkeeper.toml").read_text()
    if variant == "postgresql":
        assert tomllib.loads(text)["database"]["url"].startswith("file:/run/secrets/rootkeeper/")
        text = re.sub(r'"file:[^"]+"', f'"file:{write_secret(tmp_path)}"', text)
    changed = tmp_path / "rootkeeper.toml"
    changed.write_text(text)
    settings = load_settings(changed, {}, tmp_path)
    assert settings.database.url.startswith("postgresql+psycopg" if variant == "postgresql" else "sqlite")
    assert require_proxies(settings.server.trusted_proxies)


def write_secret(folder: Path) -> Path:
    """The example of the Secret."""
    document = yaml.safe_load((KUBERNETES / "postgresql/secret.example.yaml").read_text())
    secret = folder / "database_url"
    secret.write_text(document["stringData"]["database_url"])
    secret.chmod(0o440)
    return secret


@pytest.mark.long
@pytest.mark.inputs("manifests")
def test_hadolint_finds_nothing() -> None:
    command = [str(find_programs("deployments") / "hadolint"), "--no-color", str(CONTAINERFILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture(scope="module")
def kustomize(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_program(KUSTOMIZE, tmp_path_factory.mktemp("kustomize"))


@pytest.fixture(scope="module")
def built(kustomize: Path) -> dict[str, str]:
    """What kustomize makes of each folder."""
    return {
        folder: subprocess.check_output([str(kustomize), "build", str(KUBERNETES / folder)], text=True, timeout=SECONDS)
        for folder in (*BUILT, "monitoring")
    }


@pytest.mark.long
@pytest.mark.inputs("manifests")
@pytest.mark.timeout(SECONDS)
@pytest.mark.xdist_group("kustomize")
@pytest.mark.parametrize("folder", BUILT)
def test_kubernetes_understands_the_manifests(folder: str, built: dict[str, str], tmp_path: Path) -> None:
    manifests = tmp_path / "manifests.yaml"
    manifests.write_text(built[folder])
    validate = [str(find_programs("deployments") / "kubernetes-validate"), "--strict", str(manifests)]
    done = subprocess.run(validate, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    images = re.findall(r"^ *image: (.*)$", built[folder], re.MULTILINE)
    assert images
    assert [image for image in images if not re.fullmatch(r"[\w./-]+@sha256:[0-9a-f]{64}", image)] == []


@pytest.mark.long
@pytest.mark.inputs("manifests")
@pytest.mark.timeout(SECONDS)
@pytest.mark.xdist_group("kustomize")
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_servers_of_kubernetes_are_shut_in_and_their_upgrade_has_their_image_and_settings(
    variant: str, built: dict[str, str]
) -> None:
    documents = {document["kind"]: document for document in yaml.safe_load_all(built[variant])}
    server = documents["StatefulSet"]["spec"]
    assert server["replicas"] == (1 if variant == "sqlite" else 2), "one server on a SQLite file"
    require_shut_in(server["template"]["spec"])
    labels = documents["Namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert ("PodDisruptionBudget" in documents) == (variant == "postgresql")
    (claim,) = server["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce" if variant == "sqlite" else "ReadWriteOncePod"]
    jobs = {document["kind"]: document for document in yaml.safe_load_all(built[f"{variant}/upgrade"])}
    assert jobs.keys() == {"ConfigMap", "Job"}, "it changes nothing else"
    assert jobs["ConfigMap"] == documents["ConfigMap"]
    upgrade = jobs["Job"]["spec"]["template"]["spec"]
    for pod in (upgrade, server["template"]["spec"]):
        (settings,) = (volume["configMap"]["name"] for volume in pod["volumes"] if volume["name"] == "settings")
        assert settings == documents["ConfigMap"]["metadata"]["name"]
    assert upgrade["containers"][0]["image"] == server["template"]["spec"]["containers"][0]["image"]
    assert "CronJob" in documents


def test_kubernetes_takes_each_image_by_its_digest_and_postgresqls_is_that_of_compose() -> None:
    pinned = {}
    for variant in VARIANTS:
        document = yaml.safe_load((KUBERNETES / variant / "settings/kustomization.yaml").read_text())
        pinned[variant] = {image["name"]: (image["newName"], image["digest"]) for image in document["images"]}
        assert "newTag" not in str(document)
    assert pinned["sqlite"]["rootkeeper"] == pinned["postgresql"]["rootkeeper"]
    name, _, digest = read_compose()["services"]["database"]["image"].partition("@")
    assert pinned["postgresql"]["postgres"] == (name.partition(":")[0], digest)


def test_prometheus_reaches_the_servers_with_a_token_and_nothing_else_does_but_the_ingress_controller() -> None:
    policy = yaml.safe_load((KUBERNETES / "base/networkpolicy.yaml").read_text())["spec"]
    namespace = "kubernetes.io/metadata.name"
    allowed = {
        peer["namespaceSelector"]["matchLabels"][namespace]: peer.get("podSelector", {}).get("matchLabels")
        for rule in policy["ingress"]
        for peer in rule["from"]
    }
    assert allowed == {"ingress-nginx": None, "monitoring": {"app.kubernetes.io/name": "prometheus"}}
    assert [rule["ports"] for rule in policy["ingress"]] == [[{"port": "http"}]] * 2
    monitor = yaml.safe_load((KUBERNETES / "monitoring/podmonitor.yaml").read_text())["spec"]
    pod = yaml.safe_load((KUBERNETES / "base/server.yaml").read_text())["spec"]["template"]
    assert monitor["selector"]["matchLabels"] == pod["metadata"]["labels"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["path"] == "/metrics"
    assert endpoint["port"] in [port["name"] for port in pod["spec"]["containers"][0]["ports"]]
    secret = endpoint["authorization"]["credentials"]
    guide = (REPOSITORY / "docs/guides/container.md").read_text()
    assert f"create secret generic {secret['name']} --namespace rootkeeper --from-literal={secret['key']}=" in guide


def require_shut_in(pod: dict[str, Any]) -> None:
    """Check what the Pod Security Standard "restricted" asks for, and more."""
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["terminationGracePeriodSeconds"] > 10
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert probes == {"startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz"}
    assert pod["securityContext"]["runAsUser"] == int(dict(list_final_stage())["USER"].partition(":")[0])
