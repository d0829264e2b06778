"""The container files, as far as they can be checked without an engine."""

import re

import pytest
import yaml

from kb_project.env import BASE_DIR, Env
from kb_project.supervisor import commands

DOCKER = BASE_DIR / "docker"
ENTRY = ["python", "-m", "kb_project.container"]


def compose(name: str) -> dict[str, dict[str, dict[str, object]]]:
    loaded: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((DOCKER / name).read_text())
    return loaded


def test_it_runs_every_process_of_the_supervisor() -> None:
    services = compose("compose.yml")["services"]
    started = {
        command[3]
        for service in services.values()
        if isinstance(command := service.get("command"), list) and command[:3] == ENTRY
    }

    assert started == {*commands(), "migrate"}
    assert {"postgres", "valkey"} <= set(services)


@pytest.mark.parametrize("name", ["compose.yml", "compose.gpu.yml", "Dockerfile"])
def test_it_names_only_settings_that_exist(name: str) -> None:
    named = set(re.findall(r"\bKB_([A-Z_]+)\b", (DOCKER / name).read_text()))

    assert named <= {field.upper() for field in Env.model_fields}


def test_it_copies_only_what_is_there() -> None:
    sources = re.findall(r"^COPY (?!--from)(\S+) \S+$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)

    assert sources
    assert all((BASE_DIR / source).exists() for source in sources)


def test_it_overrides_only_services_of_the_base() -> None:
    assert set(compose("compose.gpu.yml")["services"]) <= set(compose("compose.yml")["services"])
