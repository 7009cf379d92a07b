"""Publishing against a Grafana that records every request."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agents.cli.screens import screens
from agents.screens.annotate import Note, annotate
from agents.screens.check import Answer
from agents.screens.grafana import Grafana, GrafanaError
from agents.screens.publish import publish, wall_address, wall_of
from agents.screens.registry import SCREENS
from agents.screens.snapshot import frozen, snapshot
from streams.errors import ConfigError
from tests.agents.screens.grafana_stub import PLAYLISTS, TOKEN, GrafanaStub, running_stub

pytestmark = pytest.mark.integration

MODELS = [build().to_json() for build in SCREENS.values()]
WALLS = ["xpulse-wall-now", "xpulse-wall-why", "xpulse-wall-where", "xpulse-wall-changed"]


@pytest.fixture(params=[11, 13])
def stub(request: pytest.FixtureRequest) -> Iterator[GrafanaStub]:
    with running_stub(request.param) as stub:
        yield stub


def done(stub: GrafanaStub, models: list[dict[str, Any]] = MODELS, *, is_dry: bool = False) -> list[str]:
    return [step.done for step in publish(Grafana(stub.address, TOKEN), models, is_dry=is_dry)]


def test_everything_is_created_with_the_documented_requests(stub: GrafanaStub) -> None:
    assert done(stub) == ["created"] * (len(MODELS) + 2)
    playlists = PLAYLISTS if stub.major > 11 else "/api/playlists"
    expected = [("POST", "/api/folders"), *[("POST", "/api/dashboards/db")] * len(MODELS), ("POST", playlists)]
    assert stub.written() == expected
    assert {uid: one["dashboard"]["panels"] for uid, one in stub.dashboards.items()} == {
        model["uid"]: model["panels"] for model in MODELS
    }
    (playlist,) = stub.playlists.values()
    played = playlist["spec"] if stub.major > 11 else playlist
    assert played["interval"] == "30s"
    assert [(item["type"], item["value"]) for item in played["items"]] == [("dashboard_by_uid", uid) for uid in WALLS]


def test_the_second_time_nothing_is_written(stub: GrafanaStub) -> None:
    done(stub)
    stub.requests.clear()
    assert done(stub) == ["as it was"] * (len(MODELS) + 2)
    assert stub.written() == []


def test_what_somebody_changed_is_put_right_and_nothing_else(stub: GrafanaStub) -> None:
    done(stub)
    stub.requests.clear()
    stub.dashboards["xpulse-slice"]["dashboard"]["title"] = "Mine"
    stub.dashboards["xpulse-target"]["meta"]["folderUid"] = "elsewhere"
    (name,) = stub.playlists
    stub.playlists[name].get("spec", stub.playlists[name])["interval"] = "5m"
    assert done(stub).count("changed") == 3
    playlist = f"{PLAYLISTS}/xpulse-wall" if stub.major > 11 else "/api/playlists/p0"
    assert stub.written() == [("POST", "/api/dashboards/db")] * 2 + [("PUT", playlist)]
    assert done(stub) == ["as it was"] * (len(MODELS) + 2)


def test_a_dry_run_tells_the_same_and_writes_nothing(stub: GrafanaStub) -> None:
    told = done(stub, is_dry=True)
    assert stub.written() == []
    assert told == done(stub)


def test_the_wall_has_an_address_once_it_is_there(stub: GrafanaStub) -> None:
    server = Grafana(stub.address, TOKEN)
    done(stub)
    uid = "xpulse-wall" if stub.major > 11 else "p0"
    played = wall_address(server, "https://screens.example/")
    assert played == f"https://screens.example/playlists/play/{uid}?kiosk=1&autofitpanels&theme=dark"


def test_the_wall_plays_in_the_order_of_the_files() -> None:
    assert wall_of(MODELS) == WALLS


def test_a_server_below_a_path_is_found() -> None:
    with running_stub(prefix="/grafana") as stub:
        done(stub)
        assert stub.requests[0][1] == "/api/folders/xpulse"


@pytest.mark.parametrize(("status", "is_retryable"), [(400, False), (403, False), (412, False), (500, True)])
def test_a_refusal_names_the_request_and_no_secret(status: int, is_retryable: bool) -> None:
    with running_stub() as stub:
        stub.failing["/api/dashboards/db"] = status
        with pytest.raises(GrafanaError, match="POST /api/dashboards/db") as caught:
            done(stub)
        assert (caught.value.status, caught.value.is_retryable) == (status, is_retryable)
        assert TOKEN not in str(caught.value)


def test_a_wrong_token_and_nobody_there_are_told_apart() -> None:
    with running_stub() as stub:
        with pytest.raises(GrafanaError) as caught:
            Grafana(stub.address, "wrong").get("/api/folders/xpulse")
        assert caught.value.status == 401
        address = stub.address
    with pytest.raises(GrafanaError, match="no answer of Grafana") as caught:
        Grafana(address, TOKEN).get("/api/folders/xpulse")
    assert caught.value.is_retryable


@pytest.mark.parametrize(
    ("address", "token", "reason"),
    [
        ("grafana.example", TOKEN, "allowed: http"),
        ("https://user:word@grafana.example", TOKEN, "allowed: http"),
        ("https://grafana.example", "", "XPULSE_GRAFANA_TOKEN"),
    ],
)
def test_a_wrong_address_is_refused(address: str, token: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        Grafana(address, token)


def note(name: str, *, end_ms: int = 0) -> Note:
    return Note(id=name, begin_ms=1_000, end_ms=end_ms, tenant="acme", kind="alert", text="Queue fell")


def test_each_happening_becomes_one_annotation_and_gets_its_end(stub: GrafanaStub) -> None:
    server = Grafana(stub.address, TOKEN)
    assert [step.done for step in annotate(server, [note("alert/a"), note("change/b")], is_dry=False)] == [
        "created"
    ] * 2
    assert stub.requests[-1] == (
        "POST",
        "/api/annotations",
        {"time": 1_000, "tags": ["xpulse", "alert", "xpulse:acme/change/b"], "text": "Queue fell"},
    )
    ended = [note("alert/a", end_ms=9_000), note("change/b")]
    assert [step.done for step in annotate(server, ended, is_dry=True)] == ["changed", "as it was"]
    assert [step.done for step in annotate(server, ended, is_dry=False)] == ["changed", "as it was"]
    assert stub.written()[2:] == [("PATCH", "/api/annotations/1")]
    assert [step.done for step in annotate(server, ended, is_dry=False)] == ["as it was"] * 2
    assert len(stub.annotations) == 2


def test_nothing_happened_asks_nothing(stub: GrafanaStub) -> None:
    assert list(annotate(Grafana(stub.address, TOKEN), [], is_dry=False)) == []
    assert stub.requests == []


def test_a_snapshot_is_stored_for_a_while(stub: GrafanaStub) -> None:
    def nothing(sql: str) -> Answer:
        return Answer([("n", "UInt64")], [])

    address = snapshot(Grafana(stub.address, TOKEN), MODELS[0], nothing, now_s=1_000_000, expires_s=60)
    assert address == f"{stub.address}/dashboard/snapshot/k"
    assert [(one["name"], one["expires"]) for one in stub.snapshots] == [("Wall: targets now", 60)]


def test_times_of_a_snapshot_are_milliseconds() -> None:
    def answers(sql: str) -> Answer:
        return Answer(
            [("time", "DateTime64(3, 'UTC')"), ("n", "Nullable(Float64)")], [["1970-01-01 00:00:01.500", None]]
        )

    stored = frozen(SCREENS["pipeline"]().to_json(), answers, now_s=1_000_000)
    assert stored["panels"][0]["targets"][0]["snapshot"][0]["data"] == {"values": [[1500], [None]]}
    assert stored["panels"][-1]["targets"][0]["snapshot"] == []


def test_the_command_takes_its_token_from_the_environment_only(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    run = CliRunner()
    with running_stub() as stub:
        command = ["publish", "--url", stub.address]
        first = run.invoke(screens, command, env={"XPULSE_GRAFANA_TOKEN_FILE": str(file)})
        assert first.exit_code == 0, first.output
        assert "created    dashboard xpulse-slice: Slice" in first.output
        assert f"{stub.address}/playlists/play/xpulse-wall?kiosk=1" in first.output
        second = run.invoke(screens, [*command, "--dry-run"], env={"XPULSE_GRAFANA_TOKEN": TOKEN})
        assert "created" not in second.output
        assert TOKEN not in first.output + second.output
        third = run.invoke(screens, command, env={"XPULSE_GRAFANA_TOKEN": ""})
        assert isinstance(third.exception, ConfigError)
