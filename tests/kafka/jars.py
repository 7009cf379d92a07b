"""Apache Kafka's class path, through Maven and without Docker; `python -m tests.kafka.jars` brings it beforehand."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

POM = Path(__file__).parents[2] / "infra" / "kafka" / "pom.xml"
CLASS_PATH = POM.parent / "build" / "classpath"
JAVA_AT_LEAST = 17
_OFFLINE_S, _WITHIN_A_TEST_S, _BEFOREHAND_S = 30, 80, 600


class KafkaMissing(Exception):
    """This machine cannot run Apache Kafka; says why."""


def class_path(*, within_s: float = _WITHIN_A_TEST_S) -> str:
    """Return the class path of the broker that `infra/kafka/pom.xml` names, brought by Maven if need be.

    Args:
        within_s: Longest time for a download; seconds.

    Raises:
        KafkaMissing: No Java, no Maven, or the download did not work.
    """
    _check_java(_program("java"))
    if not _is_fresh(CLASS_PATH):
        _resolve(_program("mvn"), within_s)
    return CLASS_PATH.read_text()


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise KafkaMissing(f"{name} is not installed")
    return path


def _check_java(java: str) -> None:
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found[1]) < JAVA_AT_LEAST:
        raise KafkaMissing(f"Java {JAVA_AT_LEAST} or newer is needed; java -version says {told.splitlines()[:1]}")


def _is_fresh(listing: Path) -> bool:
    """Whether the list is newer than the pom and everything on it is there."""
    if not listing.exists() or listing.stat().st_mtime < POM.stat().st_mtime:
        return False
    jars = listing.read_text().split(os.pathsep)
    return all(Path(jar).is_file() for jar in jars)


def _resolve(mvn: str, within_s: float) -> None:
    """Ask Maven's own repository first: then no network is needed."""
    CLASS_PATH.parent.mkdir(exist_ok=True)
    mine = CLASS_PATH.with_name(f"classpath.{os.getpid()}")  # another test run may be at it, too
    command = [mvn, "-q", "-B", "-f", str(POM), f"-Dclasspath.file={mine}", "process-resources"]
    try:
        if not _has_run([*command, "-o"], _OFFLINE_S):
            _run_online(command, within_s)
        mine.replace(CLASS_PATH)
    finally:
        mine.unlink(missing_ok=True)


def _has_run(command: list[str], within_s: float) -> bool:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=within_s)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _run_online(command: list[str], within_s: float) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=within_s
        )
    except subprocess.TimeoutExpired as error:
        raise KafkaMissing(f"Maven did not bring Apache Kafka within {within_s:g} s") from error
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if line.startswith("[ERROR]")]
        raise KafkaMissing(f"Maven did not bring Apache Kafka: {(said or ['no reason given'])[0]}")


if __name__ == "__main__":
    try:
        class_path(within_s=_BEFOREHAND_S)
    except KafkaMissing as missing:
        sys.exit(f"No Apache Kafka for the tests: {missing}")
