"""A preview that runs as a process over a small world, and a browser that looks at it."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.local.ports import free_port
from agents.screens.preview.shelf import FOLDER
from agents.warehouse.client import Client, connect
from tests.agents.local.services import running, running_clickhouse, wait_until
from tests.agents.screens.chromium import Browser, running_browser
from tests.agents.screens.preview import world
from tests.needs import program

ODD = {
    "uid": "odd",
    "title": "What the preview does not know",
    "time": {"from": "now-1h", "to": "now"},
    "panels": [
        {"id": 1, "type": "piechart", "title": "Pie", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 4}, "targets": []},
        {
            "id": 2,
            "type": "stat",
            "title": "Elsewhere",
            "gridPos": {"x": 12, "y": 0, "w": 12, "h": 4},
            "targets": [{"refId": "A", "datasource": {"type": "prometheus"}, "expr": "up"}],
        },
        {
            "id": 3,
            "type": "stat",
            "title": "Wrong",
            "gridPos": {"x": 0, "y": 4, "w": 12, "h": 4},
            "targets": [{"refId": "A", "rawSql": "SELECT nothing FROM xpulse_pub.target_status"}],
        },
    ],
}
"""Three tiles that must say what is the matter."""


@dataclass(frozen=True)
class Shown:
    """A running preview.

    Attributes:
        reader: A connection as any reader has it.
        writer: A connection that fills the tables.
    """

    url: str
    reader: Client
    writer: Client


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("preview")
    boards = folder / "dashboards"
    boards.mkdir()
    for path in FOLDER.glob("*.json"):
        (boards / path.name).write_bytes(path.read_bytes())
    (boards / "zz-odd.json").write_text(json.dumps(ODD))
    port = free_port()
    with running_clickhouse(folder) as server:
        writer = connect(server.host, server.port, server.user, server.password, "system")
        world.fill(writer)
        reader = connect(server.host, server.port, "default", "", "xpulse_pub")
        command = [sys.executable, "-m", "agents.cli", "preview", "--port", str(port), "--dashboards", str(boards)]
        command += ["--clickhouse-host", server.host, "--clickhouse-port", str(server.port)]
        with running(command, folder / "preview.log"):
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _is_ready(url), "the preview")
            yield Shown(url, reader, writer)
        writer.close()
        reader.close()


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=1) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    profile: Path = tmp_path_factory.mktemp("chromium")
    with running_browser(program("chromium"), profile) as opened:
        opened.resize(1920, 1080)
        yield opened
