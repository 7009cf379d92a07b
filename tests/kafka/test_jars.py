import os
import re
from pathlib import Path

import pytest
import yaml

from tests.kafka import jars
from tests.kafka.jars import KafkaMissing, class_path

ROOT = jars.POM.parents[2]
NEW_JAVA = "echo 'openjdk version \"17.0.15\" 2025-04-15' >&2"
BRINGS = 'for word; do case "$word" in -Dclasspath.file=*) printf %s "$0" >"${word#*=}" ;; esac; done'


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the search path, and no class path yet."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(jars, "CLASS_PATH", tmp_path / "build" / "classpath")
    return tmp_path


def install(folder: Path, name: str, body: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_a_missing_program_is_named(programs: Path) -> None:
    with pytest.raises(KafkaMissing, match="java is not installed"):
        class_path()
    install(programs, "java", NEW_JAVA)
    with pytest.raises(KafkaMissing, match="mvn is not installed"):
        class_path()


def test_an_old_java_is_named(programs: Path) -> None:
    install(programs, "java", "echo 'openjdk version \"11.0.2\"' >&2")
    with pytest.raises(KafkaMissing, match=r"Java 17 or newer.*11\.0\.2"):
        class_path()


def test_mavens_own_reason_is_handed_on(programs: Path) -> None:
    install(programs, "java", NEW_JAVA)
    install(programs, "mvn", "echo '[ERROR] Could not resolve dependencies'; exit 1")
    with pytest.raises(KafkaMissing, match="Could not resolve dependencies"):
        class_path()
    assert list((programs / "build").iterdir()) == [], "nothing half done is left"


def test_maven_is_asked_once_for_as_long_as_its_files_are_there(programs: Path) -> None:
    install(programs, "java", NEW_JAVA)
    mvn = install(programs, "mvn", BRINGS)
    assert class_path() == str(mvn)
    install(programs, "mvn", "exit 1")
    assert class_path() == str(mvn)
    os.utime(jars.CLASS_PATH, (0, 0))  # older than the pom
    with pytest.raises(KafkaMissing):
        class_path()


def test_the_version_is_that_of_the_containers() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    version = re.search(r"<kafka.version>(.+)</kafka.version>", jars.POM.read_text())
    assert version is not None
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{version[1]}"
