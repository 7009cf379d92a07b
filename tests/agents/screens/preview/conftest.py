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

BARS = "SELECT * FROM (SELECT 'NO' AS name, 20 AS share UNION ALL SELECT 'DE', 60) ORDER BY name DESC"
STATES = (
    "SELECT * FROM (SELECT $__toTime - INTERVAL 45 MINUTE AS time, 'NO' AS country, 'met' AS state UNION ALL "
    "SELECT $__toTime - INTERVAL 30 MINUTE, 'NO', 'met' UNION ALL "
    "SELECT $__toTime - INTERVAL 15 MINUTE, 'NO', 'missed') ORDER BY time"
)
WORDS = {
    "type": "value",
    "options": {"met": {"text": "✔ met", "color": "#0072B2"}, "missed": {"text": "✘ missed", "color": "#D55E00"}},
}

ODD = {
    "uid": "odd",
    "title": "What the preview does not know",
    "time": {"from": "now-1h", "to": "now"},
    "templating": {
        "list": [
            {"name": "free", "type": "textbox", "query": "x"},
            {
                "name": "job",
                "type": "query",
                "query": {"query": "label_values(job)", "datasource": {"type": "prometheus"}},
            },
        ]
    },
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
        {
            "id": 4,
            "type": "bargauge",
            "title": "Bars",
            "gridPos": {"x": 12, "y": 4, "w": 12, "h": 4},
            "targets": [{"refId": "A", "rawSql": BARS}],
            "fieldConfig": {
                "defaults": {
                    "unit": "percent",
                    "min": 0,
                    "max": 80,
                    "thresholds": {"steps": [{"value": None, "color": "#0072B2"}, {"value": 50, "color": "#D55E00"}]},
                }
            },
            "options": {"reduceOptions": {"values": True, "calcs": ["lastNotNull"], "fields": ""}},
        },
        {
            "id": 5,
            "type": "state-timeline",
            "title": "States",
            "gridPos": {"x": 0, "y": 8, "w": 12, "h": 4},
            "targets": [{"refId": "A", "rawSql": STATES}],
            "fieldConfig": {"defaults": {"mappings": [WORDS]}},
        },
        {
            "id": 6,
            "type": "text",
            "title": "Words",
            "gridPos": {"x": 12, "y": 8, "w": 12, "h": 4},
            "options": {
                "mode": "markdown",
                "content": "# Head\n\nsay **it** <b>so</b>\n\n- one\n- [two](javascript:x)",
            },
        },
    ],
}
"""Three tiles that must say what is the matter, and panels that the dashboards do not use yet."""


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
