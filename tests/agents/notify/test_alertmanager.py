"""Alertmanager, the real one: it receives, groups, resolves, forgets what is not told again, and calls our receiver."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from agents.local.ports import free_port
from agents.notify import Duty, Notice, NotifyConfig, build_notifiers
from agents.notify._labels import labels_of
from agents.notify._post import Poster
from agents.notify.alertmanager.body import alert_of, alive_of
from agents.notify.alertmanager.sender import HOLDS, AlertmanagerNotifier
from streams.errors import DeliveryError
from tests.agents.local.services import wait_until
from tests.agents.notify.alerts import FIRING, RESOLVED, WORKING, episode
from tests.agents.notify.doors import Door, running_door
from tests.agents.notify.managers import Alertmanager, running_alertmanager

KEEP_S = 0.1
"""So that an alert holds for 1.5 s without being posted again."""
HOUR_MS = 3_600_000


def test_a_firing_alert_holds_for_a_while_and_names_no_figure_in_its_labels() -> None:
    now_ms = FIRING.at_ms + HOUR_MS
    body = alert_of(Notice(FIRING, WORKING), now_ms=now_ms, hold_ms=90_500)
    assert (body["startsAt"], body["endsAt"]) == ("2026-03-01T02:00:00.000Z", "2026-03-01T03:01:30.500Z")
    assert body["labels"] == {
        "alertname": "ExperienceDrift",
        "tenant": "acme",
        "target": "happy/country=NO",
        "detector": "e-detector",
        "severity": "warning",
        "hours": "working",
        "routes": "desk,noc",
        "slice_country": "NO",
    }
    assert (body["annotations"]["score"], body["annotations"]["n"]) == ("-80", "10")
    assert "generatorURL" not in body


def test_an_end_is_never_in_the_future_and_never_before_the_start() -> None:
    late = alert_of(Notice(RESOLVED), now_ms=RESOLVED.at_ms + HOUR_MS, hold_ms=1)
    assert late["endsAt"] == "2026-03-01T03:00:00.250Z"
    early = alert_of(Notice(RESOLVED), now_ms=RESOLVED.started_at_ms - HOUR_MS, hold_ms=1)
    assert (early["startsAt"], early["endsAt"]) == ("2026-03-01T00:59:59.999Z", "2026-03-01T01:00:00.000Z")


def test_a_link_is_handed_on_if_it_is_one() -> None:
    linked = msgspec.structs.replace(FIRING, link="https://screens.example/t")
    assert alert_of(Notice(linked), now_ms=FIRING.at_ms, hold_ms=1)["generatorURL"] == "https://screens.example/t"


def test_the_sign_of_life_names_the_installation() -> None:
    body = alive_of("north", since_ms=1_000, now_ms=60_000, hold_ms=180_000)
    assert (body["startsAt"], body["endsAt"]) == ("1970-01-01T00:00:01.000Z", "1970-01-01T00:04:00.000Z")
    assert {"alertname": "XpulseAlive", "installation": "north"}.items() <= body["labels"].items()


def test_alertmanager_is_built_from_its_address() -> None:
    built = build_notifiers(NotifyConfig(alertmanager_url="http://127.0.0.1:9093/"))
    assert set(built) == {"log", "alertmanager"}
    assert "127.0.0.1" not in repr(NotifyConfig(alertmanager_url="http://me:secret@127.0.0.1:9093"))


@pytest.fixture
def desk() -> Iterator[Door]:
    """What Alertmanager calls."""
    with running_door() as door:
        yield door


@pytest.fixture
def manager(tmp_path: Path, desk: Door) -> Iterator[Alertmanager]:
    with running_alertmanager(tmp_path / "alertmanager", desk.url) as running:
        yield running


def notifier_of(url: str, *, keep_s: float = KEEP_S) -> AlertmanagerNotifier:
    poster = Poster(f"{url}/api/v2/alerts", name="alertmanager", setting="test", may_be_local=True, attempt_s=1.0)
    return AlertmanagerNotifier(poster, installation="here", keep_s=keep_s)


def with_notifier(url: str, work: Callable[[AlertmanagerNotifier], Awaitable[None]], *, keep_s: float = KEEP_S) -> None:
    async def run() -> None:
        notifier = notifier_of(url, keep_s=keep_s)
        try:
            await work(notifier)
        finally:
            await notifier.close()

    asyncio.run(run())


async def until(is_done: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_until, is_done, what, within_s=20)


def told(desk: Door) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what the desk heard: the state of the group, and its alerts with their states."""
    return [
        (body["status"], sorted((one["labels"]["target"], one["status"]) for one in body["alerts"]))
        for body in desk.bodies()
    ]


@pytest.mark.integration
def test_it_receives_groups_and_resolves_and_calls_our_receiver(manager: Alertmanager, desk: Door) -> None:
    (north, north_ended), (south, south_ended) = episode("north", ago_s=0), episode("south", ago_s=0)

    async def story(notifier: AlertmanagerNotifier) -> None:
        await notifier.send(north)
        await notifier.send(south)
        await until(lambda: ("firing", [("north", "firing"), ("south", "firing")]) in told(desk), "one call for both")
        found = manager.alerts(tenant="acme")
        assert {one["labels"]["target"] for one in found} == {"north", "south"}
        assert all(one["annotations"]["score"] == "-80" and "score" not in one["labels"] for one in found)
        await notifier.send(north_ended)
        await notifier.send(south_ended)
        await until(lambda: told(desk)[-1][0] == "resolved", "the end")

    with_notifier(manager.url, story, keep_s=60)
    assert told(desk)[-1] == ("resolved", [("north", "resolved"), ("south", "resolved")])
    (before, after) = (
        next(one for one in desk.bodies()[n]["alerts"] if one["labels"]["target"] == "north") for n in (0, -1)
    )
    assert before["fingerprint"] == after["fingerprint"]
    assert before["startsAt"] == after["startsAt"]
    began, ended = (datetime.fromisoformat(after[name]) for name in ("startsAt", "endsAt"))  # .81 and .811 are no words
    assert began < ended


@pytest.mark.integration
def test_what_is_told_again_goes_on_and_what_is_not_ends(manager: Alertmanager, desk: Door) -> None:
    (kept, _), (lost, _) = episode("kept"), episode("lost")

    async def story(notifier: AlertmanagerNotifier) -> None:
        await notifier.send(kept)
        await notifier.send(lost)
        await notifier.beat()
        while manager.alerts(target="lost"):
            await notifier.keep([kept])
            await asyncio.sleep(KEEP_S)
        assert manager.alerts(target="kept")
        assert not manager.alerts(alertname="XpulseAlive")  # which ends sooner than an alert
        await notifier.beat()
        assert manager.alerts(alertname="XpulseAlive", installation="here")
        await until(lambda: not manager.alerts(), "the end of everything that is not told again")

    with_notifier(manager.url, story)


@pytest.mark.integration
def test_an_alertmanager_that_lost_its_memory_is_told_again(tmp_path: Path, desk: Door) -> None:
    port, (firing, _) = free_port(), episode("told-again")

    async def story(notifier: AlertmanagerNotifier) -> None:
        with running_alertmanager(tmp_path, desk.url, port=port):
            await notifier.send(firing)
        with pytest.raises(DeliveryError) as caught:
            await notifier.keep([firing])
        assert caught.value.is_retryable
        with running_alertmanager(tmp_path, desk.url, port=port) as restarted:
            assert not restarted.alerts()
            await notifier.keep([firing])
            assert restarted.alerts(target="told-again")

    with_notifier(f"http://127.0.0.1:{port}", story, keep_s=60)


@pytest.mark.integration
def test_a_new_severity_ends_the_alert_under_the_old_one(manager: Alertmanager) -> None:
    firing, _ = episode("worse")
    worse = Notice(msgspec.structs.replace(firing.alert, sequence=1, severity="critical"))

    async def story(notifier: AlertmanagerNotifier) -> None:
        await notifier.send(firing)
        await notifier.send(worse)
        assert [one["labels"]["severity"] for one in manager.alerts(target="worse")] == ["critical"]
        await notifier.keep([firing])  # read from the table before the newer state was told
        assert [one["labels"]["severity"] for one in manager.alerts(target="worse")] == ["critical"]

    with_notifier(manager.url, story, keep_s=60)


@pytest.mark.integration
def test_an_end_is_not_undone_by_an_older_state_and_does_not_end_a_new_episode(manager: Alertmanager) -> None:
    firing, resolved = episode("again", ago_s=120)
    anew, _ = episode("again", ago_s=1)

    async def story(notifier: AlertmanagerNotifier) -> None:
        await notifier.send(firing)
        await notifier.send(resolved)
        await notifier.keep([firing])
        assert not manager.alerts(target="again")
        await notifier.send(anew)
        await notifier.keep([anew, resolved])
        assert manager.alerts(target="again")

    with_notifier(manager.url, story, keep_s=60)


@pytest.mark.integration
def test_one_alert_that_is_refused_does_not_end_the_others(manager: Alertmanager) -> None:
    (good, _), (bad, _), (other, _) = episode("good"), episode("bad"), episode("other")
    broken = Notice(msgspec.structs.replace(bad.alert, slice={"no name": "x"}))

    async def story(notifier: AlertmanagerNotifier) -> None:
        with pytest.raises(DeliveryError, match="HTTP 400") as caught:
            await notifier.keep([good, broken, other])
        assert not caught.value.is_retryable
        assert {one["labels"]["target"] for one in manager.alerts()} == {"good", "other"}

    with_notifier(manager.url, story, keep_s=60)


@pytest.mark.integration
def test_many_alerts_are_told_in_batches() -> None:
    many = [episode(f"target-{number}")[0] for number in range(450)]
    with running_door() as door:
        with_notifier(door.url, lambda notifier: notifier.keep(many), keep_s=60)
    assert [len(body) for body in door.bodies()] == [200, 200, 50]
    assert {one["labels"]["target"] for body in door.bodies() for one in body} == {one.alert.target for one in many}


@pytest.mark.integration
def test_what_is_told_again_is_as_full_as_what_was_sent() -> None:
    sent = Notice(
        msgspec.structs.replace(FIRING, link="https://screens.example/t", silence_link="https://am.example/s")
    )

    async def story(notifier: AlertmanagerNotifier) -> None:
        await notifier.send(sent)
        await notifier.keep([Notice(FIRING, WORKING)])

    with running_door() as door:
        with_notifier(door.url, story, keep_s=60)
    (first,), (ended, again) = door.bodies()
    assert first["annotations"] == again["annotations"]
    assert first["annotations"]["silence_url"] == "https://am.example/s"
    assert (ended["labels"], again["labels"]["hours"]) == (first["labels"], "working")


async def send_to(*doors: Door) -> None:
    config = NotifyConfig(alertmanager_url=", ".join(door.url for door in doors))
    notifier = build_notifiers(config)["alertmanager"]
    try:
        await notifier.send(Notice(FIRING))
    finally:
        await notifier.close()


@pytest.mark.integration
def test_every_member_of_a_cluster_is_told_and_one_is_enough() -> None:
    with running_door() as one, running_door() as other:
        asyncio.run(send_to(one, other))
        other.manner = "fail"
        asyncio.run(send_to(one, other))
        assert (len(one.posted), len(other.posted)) == (2, 2)
        one.manner = "refuse"
        with pytest.raises(DeliveryError, match="HTTP 500") as caught:
            asyncio.run(send_to(one, other))
        assert caught.value.is_retryable
        other.manner = "refuse"
        with pytest.raises(DeliveryError, match="HTTP 400") as caught:
            asyncio.run(send_to(one, other))
        assert not caught.value.is_retryable


def test_an_alert_holds_much_longer_than_a_restart_takes() -> None:
    assert HOLDS * NotifyConfig().repost_s == 900


def test_labels_change_with_the_duty() -> None:
    assert labels_of(Notice(FIRING, Duty("working"))) != labels_of(Notice(FIRING))
    assert "routes" not in labels_of(Notice(FIRING))
