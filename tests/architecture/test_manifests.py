"""The Kubernetes manifests, as far as they can be checked unrendered; deploy/k8s/validate.sh renders them too."""

import importlib
from itertools import chain
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from common.settings import ServiceSettings
from dukan.web import RELEASE_SECONDS

FOLDER = Path(__file__).parents[2] / "deploy" / "k8s"
SERVICES = ("auth", "catalog", "orders", "billing", "messaging", "notifications", "operations")
MEMBERS = ("gateway", *SERVICES)
IN_SECRETS = {"DUKAN_DATABASE_URL", "DUKAN_AMQP_URL", "DUKAN_KEY_SECRET", "DUKAN_MAIL_SECRET", "DUKAN_MEDIA_SECRET"}
OVERLAYS = [path.parent for path in sorted(FOLDER.glob("overlays/*/kustomization.yaml"))]
KUSTOMIZATIONS = [path.parent for path in sorted(FOLDER.rglob("kustomization.yaml"))]


def kustomization(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return loaded


def named_in(folder: Path) -> set[Path]:
    """The entries of a kustomization: files, and folders with a kustomization of their own."""
    content = kustomization(folder)
    names = [*content.get("resources", []), *content.get("components", [])]
    names += [patch["path"] for patch in content.get("patches", []) if "path" in patch]
    return {(folder / name).resolve() for name in names}


def manifests() -> list[Path]:
    files = {path for folder in KUSTOMIZATIONS for path in named_in(folder) if path.is_file()}
    patches = {
        (folder / patch["path"]).resolve()
        for folder in KUSTOMIZATIONS
        for patch in kustomization(folder).get("patches", [])
        if "path" in patch
    }
    return sorted(files - patches)


def literals(folder: Path, name: str) -> dict[str, str]:
    """The generated ConfigMap's content; empty if there is none."""
    generators = kustomization(folder).get("configMapGenerator", [])
    listed = chain.from_iterable(each["literals"] for each in generators if each["name"] == name)
    return dict(literal.split("=", 1) for literal in listed)


def variables(member: str) -> set[str]:
    settings: type[ServiceSettings] = importlib.import_module(f"{member}.settings").Settings
    return {str(info.validation_alias or f"DUKAN_{name.upper()}") for name, info in settings.model_fields.items()}


def required(member: str) -> set[str]:
    settings: type[ServiceSettings] = importlib.import_module(f"{member}.settings").Settings
    return {f"DUKAN_{name.upper()}" for name in settings.required_in_production}


@pytest.mark.parametrize("path", manifests(), ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_manifest_is_strictly_valid(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(document, "1.31", strict=True)


def test_kustomizations_list_every_manifest_and_only_existing_ones() -> None:
    named = set(chain.from_iterable(map(named_in, KUSTOMIZATIONS)))
    assert {path for path in named if not path.exists()} == set()
    files = {path for path in FOLDER.rglob("*.yaml") if path.name not in ("kustomization.yaml", "checkov.yaml")}
    assert files - named == set()


def test_every_service_has_a_base_under_its_own_name() -> None:
    assert set(kustomization(FOLDER / "base")["resources"]) == {"platform", *MEMBERS}
    for member in MEMBERS:
        base = kustomization(FOLDER / "base" / member)
        assert base["namePrefix"] == f"{member}-"
        assert base["labels"][0]["pairs"]["app.kubernetes.io/name"] == member
        assert base["images"] == [{"name": "dukan", "newName": f"dukan/{member}"}]


def test_service_urls_match_the_names_and_ports_of_the_bases() -> None:
    platform = literals(FOLDER / "base" / "platform", "platform")
    found = {name: url for name, url in platform.items() if name.endswith("_URL")}
    assert found == {f"DUKAN_{service.upper()}_URL": f"http://{service}-api:8000" for service in SERVICES}


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
@pytest.mark.parametrize("member", MEMBERS)
def test_a_deployment_sets_all_required_variables_and_no_unknown_one(member: str, overlay: Path) -> None:
    shared = literals(FOLDER / "base" / "platform", "platform") | literals(overlay, "platform")
    own = literals(FOLDER / "base" / member, "settings") | literals(overlay, f"{member}-settings")
    assert set(own) - variables(member) == set()
    assert set(shared) - variables(member) == set()
    assert required(member) - set(shared) - set(own) - IN_SECRETS == set()


def test_every_pod_has_a_restricted_security_context() -> None:
    pod = yaml.safe_load((FOLDER / "parts" / "pod" / "pod.yaml").read_text())["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_pod_and_a_container_have_the_time_that_a_process_needs_to_drain_and_to_stop() -> None:
    needed = ServiceSettings.model_fields["drain_seconds"].default + RELEASE_SECONDS
    pod = yaml.safe_load((FOLDER / "parts" / "pod" / "pod.yaml").read_text())["spec"]["template"]["spec"]
    compose = yaml.safe_load((FOLDER.parents[1] / "docker-compose.yml").read_text())["x-container"]
    assert pod["terminationGracePeriodSeconds"] > needed
    assert float(compose["stop_grace_period"].removesuffix("s")) > needed


def test_no_secret_is_committed() -> None:
    documents = [
        document for path in FOLDER.rglob("*.yaml") for document in yaml.safe_load_all(path.read_text()) if document
    ]
    secrets = [document for document in documents if document.get("kind") == "Secret"]
    assert [secret for secret in secrets if {"data", "stringData"} & set(secret)] == []
    assert [document for document in documents if "secretGenerator" in document] == []
