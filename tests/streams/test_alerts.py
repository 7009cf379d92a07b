"""The alert life cycle: ids, wording, and nothing but published figures."""

import re

import msgspec
import pytest

from streams.alerts import alert_id, alert_of, closing_alert, dedup_key
from streams.codecs import Ok, decode, encode_avro, encode_json
from streams.events.judging import Alert, Target
from streams.scores import Counts, display_interval
from streams.verdicts import Judged
from tests.streams.judged import BLOCKS, EPOCH_MS, GOOD, HAPPY, START_MS, WINDOWS, blocks, follow, window

STORY = [Counts(promoters=5)] * 10 + [Counts(detractors=4, neutrals=1)] * 10 + [Counts(promoters=5)] * 60


def judged_story(target: Target = HAPPY, *, named_n: int = 90) -> list[Judged]:
    steps = [blocks(number, one, scope_n=100, named_n=named_n) for number, one in enumerate(STORY, start=1)]
    return follow(steps, {0: target}, BLOCKS)


def alerts_of(judged: list[Judged], target: Target = HAPPY) -> list[Alert]:
    return [alert_of(one.detection, target, one.verdict) for one in judged if one.detection]


def test_an_episode_is_one_firing_and_one_resolved_alert() -> None:
    fired, resolved = alerts_of(judged_story())
    assert (fired.state, fired.sequence) == ("firing", 0)
    assert (resolved.state, resolved.sequence) == ("resolved", 1)
    assert fired.alert_id == resolved.alert_id
    assert fired.dedup_key == resolved.dedup_key
    assert fired.started_at_ms == fired.at_ms == resolved.started_at_ms < resolved.at_ms
    assert (fired.at_ms - START_MS) % EPOCH_MS == 0


def test_a_replay_makes_the_same_alerts_byte_for_byte() -> None:
    first, second = alerts_of(judged_story()), alerts_of(judged_story())
    assert [encode_json(one) for one in first] == [encode_json(one) for one in second]
    assert [encode_avro(one) for one in first] == [encode_avro(one) for one in second]
    assert [decode(encode_json(one)) for one in first] == [Ok(one) for one in first]


def test_the_key_is_stable_over_versions_and_the_id_is_the_episodes() -> None:
    assert dedup_key("acme", "t", "e-detector") == dedup_key("acme", "t", "e-detector")
    ids = {alert_id("acme", "t", "e-detector", at) for at in (1, 2)} | {alert_id("acme2", "t", "e-detector", 1)}
    assert len(ids) == 3
    assert dedup_key("a", "bc", "d") != dedup_key("ab", "c", "d")
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in ids)


def test_the_summary_says_what_where_how_bad_how_sure_since_when_and_what_to_do() -> None:
    fired, resolved = alerts_of(judged_story())
    assert fired.summary == (
        "Happiness in country NO has drifted below its target. "
        "Since 2026-03-01 01:50:00 UTC: -80.0 against 60 (95 % display interval -93.8 to -29.3, 10 answers). "
        "Last 7 days: 70.0. Alert raised 2026-03-01 02:00:00 UTC. Runbook: docs/runbooks/happiness-drift.md"
    )
    assert resolved.summary.startswith("Happiness in country NO has recovered. Since 2026-03-01 03:30:00 UTC: 100.0 ")
    assert "Alert raised 2026-03-01 02:00:00 UTC, ended 2026-03-01 0" in resolved.summary


def test_low_coverage_is_said() -> None:
    fired, _ = alerts_of(judged_story(named_n=60))
    assert "Only 60 % of the released answers name this slice." in fired.summary
    assert fired.coverage == 0.6


def test_figures_are_sums_of_whole_blocks_since_the_drop_began() -> None:
    fired = alerts_of(judged_story())[0]
    dropped = Counts(detractors=4, neutrals=1)
    shown = display_interval(dropped + dropped)
    assert shown is not None
    assert (fired.score, fired.lower, fired.upper, fired.n) == (-80.0, shown.lower, shown.upper, 10)


def test_telemetry_names_its_metric_and_counts_windows() -> None:
    judged = follow([window(number, 500) for number in range(1, 21)], {0: GOOD}, WINDOWS)
    (fired,) = alerts_of(judged, GOOD)
    assert fired.summary.startswith(
        "Good time (app.response_time) in application Mail has drifted below its target. "
        "Since 2026-03-01 00:01:00 UTC: 50.0 % against 95 % "
    )
    assert re.search(r", \d windows\)\. Last 60 minutes: 50\.0 %\. ", fired.summary)


def test_a_target_of_everything_is_the_whole_organisation() -> None:
    everything = msgspec.structs.replace(HAPPY, target="happiness", slice={})
    fired = alerts_of(judged_story(everything), everything)[0]
    assert fired.summary.startswith("Happiness of the whole organisation has drifted")


def test_retiring_a_target_ends_its_open_episode() -> None:
    judged = judged_story()[:20]
    fired = alerts_of(judged)[0]
    retired = msgspec.structs.replace(HAPPY, version=2, state="retired", valid_from_ms=judged[-1].verdict.at_ms + 7)
    closed = closing_alert(retired, judged[-1].verdict, since_ms=fired.started_at_ms)
    assert (closed.alert_id, closed.state, closed.sequence) == (fired.alert_id, "resolved", 1)
    assert closed.at_ms == retired.valid_from_ms
    assert closed.reason == "the target was retired"


@pytest.mark.parametrize("target", [HAPPY, GOOD], ids=["happiness", "good time"])
def test_the_wire_takes_every_alert(target: Target) -> None:
    steps = [window(number, 100) for number in range(1, 30)]
    some = follow(steps, {0: target}, WINDOWS)
    alerts = alerts_of(some, target)
    assert alerts
    assert [decode(encode_avro(one)) for one in alerts] == [Ok(one) for one in alerts]
