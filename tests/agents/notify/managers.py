"""A real Alertmanager on this machine, as Debian brings it."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from agents.local.ports import free_port
from tests.agents.local.services import running, wait_until
from tests.needs import program


@dataclass(frozen=True)
class Alertmanager:
    """A running one."""

    url: str

    def alerts(self, **labels: str) -> list[dict[str, Any]]:
        """Return what fires now, with these labels."""
        found = self.get("/api/v2/alerts")
        return [one for one in found if labels.items() <= one["labels"].items()]

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.loads(answer.read())

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def configuration(receiver_url: str) -> dict[str, Any]:
    """Return a quick one: everything of one tenant in one group, to one webhook."""
    return {
        "route": {
            "receiver": "ours",
            "group_by": ["tenant"],
            "group_wait": "300ms",
            "group_interval": "300ms",
            "repeat_interval": "1h",
        },
        "receivers": [
            {"name": "ours", "webhook_configs": [{"url": f"{receiver_url}/am", "send_resolved": True}]},
        ],
    }


@contextmanager
def running_alertmanager(folder: Path, receiver_url: str, *, port: int = 0) -> Iterator[Alertmanager]:
    """Run one that tells a webhook."""
    with running_with(configuration(receiver_url), folder, port=port) as manager:
        yield manager


@contextmanager
def running_with(configuration: dict[str, Any], folder: Path, *, port: int = 0) -> Iterator[Alertmanager]:
    """Run one on a configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(configuration))
    address = f"127.0.0.1:{port or free_port()}"
    command = [program("prometheus-alertmanager"), f"--config.file={file}", f"--storage.path={folder / 'data'}"]
    command += [f"--web.listen-address={address}", "--cluster.listen-address="]
    with running(command, folder / "alertmanager.log"):
        manager = Alertmanager(f"http://{address}")
        wait_until(manager.is_ready, "Alertmanager", within_s=20)
        yield manager
