"""What is installed is what was locked, by hash; and a bill of materials says all of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def locked(name: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Version and hashes by canonical name."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        said, *hashes = line.split("--hash=")
        requirement = Requirement(said.strip())
        (pin,) = requirement.specifier
        assert pin.operator == "==", line
        assert requirement.url is None, line
        found[canonicalize_name(requirement.name)] = (pin.version, tuple(each.strip() for each in hashes))
    return found


def wanted(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [
        *project["dependencies"],
        *(t for extra in extras for t in project["optional-dependencies"][extra]),
    ]
    return [
        r for r in map(Requirement, texts) if canonicalize_name(r.name) != canonicalize_name(project["name"])
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_requirement_has_a_version_and_its_hashes(name: str) -> None:
    found = locked(name)
    assert len(found) > 50
    for package, (_, hashes) in found.items():
        assert hashes, package
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes), package


@pytest.mark.parametrize(("name", "extras"), [(LOCKS[0], ("build",)), (LOCKS[1], ("build", "dev"))])
def test_the_locks_are_within_the_bounds_of_the_project(name: str, extras: tuple[str, ...]) -> None:
    found = locked(name)
    for requirement in wanted(*extras):
        version, _ = found[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), (
            f"{requirement}: {version} is locked"
        )


def test_tests_run_with_what_users_run_with() -> None:
    runtime, dev = map(locked, LOCKS)
    assert {package: dev[package] for package in runtime} == runtime


def test_nothing_is_installed_but_by_hash() -> None:
    """The project itself is: from here, without asking for anything else."""
    places = ("Makefile", ".ci/run", "deploy/docker/Dockerfile", "deploy/install.md")
    lines = [
        line
        for place in places
        if (ROOT / place).exists()
        for line in (ROOT / place).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
        if re.search(r"\bpip\S*\s+install\b", line)
    ]
    assert len(lines) >= 3
    for line in lines:
        is_project = "--no-deps" in line and "--no-build-isolation" in line
        assert "--require-hashes" in line or is_project, line


def test_the_bill_of_materials_is_the_lock_and_the_same_each_time(tmp_path: Path) -> None:
    made = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nsbom:")[2].partition("\n\n")[0]
    assert "--output-reproducible" in made
    flags = ["requirements", "requirements.lock", "--pyproject", "pyproject.toml", "--output-reproducible"]
    assert " ".join(flags) in made
    target = tmp_path / "sbom.json"
    command = [
        str(Path(sys.executable).with_name("cyclonedx-py")),
        *flags,
        "--no-validate",
        "-o",
        str(target),
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    bill = json.loads(target.read_text(encoding="utf-8"))
    assert not {"serialNumber", "timestamp"} & {*bill, *bill["metadata"]}, "nothing of a time or of chance"
    listed = {
        canonicalize_name(part["name"]): (
            part["version"],
            {f"sha256:{each['content']}" for each in part["externalReferences"][0]["hashes"]},
        )
        for part in bill["components"]
    }
    lock = locked("requirements.lock")
    assert listed == {package: (version, set(hashes)) for package, (version, hashes) in lock.items()}
