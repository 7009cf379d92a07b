"""The parts of an installation on one machine."""

import json
from pathlib import Path

import httpx
import pytest

from agents.local.paths import DataFolder
from agents.local.supervisor import Supervisor
from agents.stack import CONTROL, PREVIEW, Stack, pick_ports
from streams.profile import PROFILES


@pytest.mark.integration
def test_the_preview_answers_before_everything_else_and_says_what_it_waits_for(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    stack = Stack(folder, PROFILES["demo"], pick_ports())
    part = next(part for part in stack.parts() if part.name == PREVIEW)
    assert part.depends_on == ()
    with Supervisor([part], folder.logs, folder.run):
        assert "xpulse preview" in httpx.get(stack.preview_url).text
        uid = httpx.get(f"{stack.preview_url}/api/screens").json()[0]["uid"]
        with httpx.stream("GET", f"{stack.preview_url}/api/screens/{uid}/stream", timeout=30) as stream:
            told = (
                json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line.startswith("data: ")
            )
            answer = next(one for one in told if "key" in one)
    assert answer["error"] == "ClickHouse does not answer"


def test_alerts_lead_to_the_local_page(tmp_path: Path) -> None:
    stack = Stack(DataFolder(tmp_path), PROFILES["demo"], pick_ports())
    control = next(part for part in stack.parts() if part.name == CONTROL)
    assert control.env["XPULSE_SCREENS_URL"] == stack.preview_url
