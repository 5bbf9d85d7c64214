"""What deploy/ starts is what the Procfile names, word for word."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
from honcho.environ import parse_procfile

from refunds import timing

ROOT = Path(__file__).resolve().parent.parent
PROCFILE = parse_procfile((ROOT / "Procfile").read_text()).processes
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
PLACE = "/srv/refunds/.venv/bin/"


def unit(path: Path) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=True)
    found.optionxform = str  # type: ignore[assignment,method-assign]  # its names are not to be made lower
    found.read_string(path.read_text())
    return found


def process_of(path: Path) -> str:
    """`refunds-payouts@.service` runs `payouts`."""
    return path.stem.removeprefix("refunds-").removesuffix("@")


def composed() -> dict[str, str]:
    """The command of each service of the compose file."""
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    services = text.partition("\nservices:\n")[2]
    return {
        name: command
        for name, body in re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", services, re.MULTILINE)
        for command in re.findall(r"^    command: (.*)$", body, re.MULTILINE)
    }


def test_every_process_has_a_unit() -> None:
    assert {process_of(path) for path in UNITS} == PROCFILE.keys() - {"release"}


def test_processes_of_which_there_may_be_many_are_templates() -> None:
    assert [path.name for path in UNITS if "@" in path.name] == [
        "refunds-messages@.service",
        "refunds-payouts@.service",
    ]


@pytest.mark.parametrize("path", UNITS, ids=process_of)
def test_a_unit_starts_what_the_procfile_names(path: Path) -> None:
    command = unit(path)["Service"]["ExecStart"]

    assert command.removeprefix(PLACE) == PROCFILE[process_of(path)]
    assert command.startswith(PLACE)


@pytest.mark.parametrize("path", UNITS, ids=process_of)
def test_a_unit_lets_a_refund_finish(path: Path) -> None:
    service = unit(path)["Service"]

    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > timing.JOB_TIMEOUT


def test_the_compose_file_starts_what_the_procfile_names() -> None:
    expected = {**PROCFILE, "release": f'sh -c "{PROCFILE["release"]}"'}
    expected["web"] += " --bind 0.0.0.0:8000"

    assert composed() == expected


def test_a_container_lets_a_refund_finish() -> None:
    grace = re.findall(r"stop_grace_period: (\d+)s", (ROOT / "deploy" / "compose.yaml").read_text())

    assert [int(seconds) > timing.JOB_TIMEOUT for seconds in grace] == [True]


def test_the_image_has_all_that_the_processes_need() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}

    assert names == {"requirements.txt", "manage.py", "Procfile", "portal", "refunds", "static", "templates"}
