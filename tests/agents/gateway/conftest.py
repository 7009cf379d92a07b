"""Gateways for the tests: one in this process, and the real process."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from agents.gateway.body import Limits
from agents.gateway.directory import DirectoryFolder
from agents.gateway.enrich import Enricher
from agents.gateway.identity import Pseudonyms
from agents.gateway.intake import Intake
from agents.local.ports import free_port
from streams.catalogue import Catalogue, parse_catalogue

ROOT = Path(__file__).parents[3]
KEY = bytes(range(32))
WITHIN_S = 60.0


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    path = ROOT / "infra" / "metrics.yaml"
    return parse_catalogue(path.read_text(), source=str(path))


@pytest.fixture
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(KEY)


@pytest.fixture
def intake(tmp_path: Path, pseudonyms: Pseudonyms, catalogue: Catalogue) -> Intake:
    """An intake with an empty directory and small limits."""
    enricher = Enricher(pseudonyms, DirectoryFolder(tmp_path / "directory"))
    return Intake(enricher, catalogue, Limits(events=100))


class GatewayProcess:
    """`python -m agents.gateway`, with its log."""

    def __init__(self, folder: Path, brokers: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.directory_dir = folder / "directory"
        self._log = folder / "gateway.log"
        key_file = folder / "key"
        key_file.write_text(KEY.hex())
        key_file.chmod(0o600)
        self.environment = {
            **os.environ,
            "XPULSE_BROKERS": brokers,
            "XPULSE_KEY_FILE": str(key_file),
            "XPULSE_DIRECTORY_DIR": str(self.directory_dir),
            "XPULSE_LOG_LEVEL": "DEBUG",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "agents.gateway", "--port", str(self.port)]
        with self._log.open("ab") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=out, stderr=out)
        self.wait_for("/readyz", 200)

    def wait_for(self, path: str, status: int) -> None:
        """Wait until an address answers with a status."""
        wait_until(lambda: self._status(path) == status, lambda: f"{path} -> {status}: {self.log()[-3000:]}")

    def _status(self, path: str) -> int:
        try:
            return httpx.get(f"{self.url}{path}", timeout=2).status_code
        except httpx.TransportError:
            return 0

    def log(self) -> str:
        return self._log.read_text()

    def metric(self, sample: str) -> float:
        """Return one sample of /metrics; 0 if it is not there."""
        lines = httpx.get(f"{self.url}/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} ")), 0.0)

    def stop(self) -> int:
        """End it in an orderly way; return its exit status."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@contextmanager
def gateway_process(folder: Path, brokers: str) -> Iterator[GatewayProcess]:
    gateway = GatewayProcess(folder, brokers)
    try:
        gateway.start()
        yield gateway
    finally:
        if gateway.process is not None and gateway.process.poll() is None:
            gateway.stop()


def wait_until(is_done: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_done():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {WITHIN_S:g} s: {what()}")
        time.sleep(0.05)
