"""The alert life cycle: ids, wording, and nothing but published figures."""

import re

import msgspec
import pytest

from streams.codecs import Ok, decode, encode_avro, encode_json
from streams.events.judging import Alert, Target
from streams.judging.alerts import alert_id, dedup_key
from streams.judging.life_cycle import POLICIES
from streams.judging.rounds import Epoch, ReleasedBlock, Ruling, WindowEnd, WindowRow, rule
from streams.scores import Counts, display_interval
from tests.streams.judged import BLOCKS, EPOCH_MS, GOOD, HAPPY, START_MS, WINDOWS

STORY = [Counts(promoters=5)] * 10 + [Counts(detractors=4, neutrals=1)] * 10 + [Counts(promoters=5)] * 60


def epochs_of(story: list[Counts], *, named_n: int = 90) -> list[Epoch]:
    """One block of the story for each epoch, beside one of Norway's in the story's place and others of the tenant."""
    return [
        Epoch(START_MS + number * EPOCH_MS, [ReleasedBlock({"country": "NO"}, one), *_others(one.n, named_n)])
        for number, one in enumerate(story, start=1)
    ]


def _others(n: int, named_n: int) -> list[ReleasedBlock]:
    """Blocks that bring an epoch to 100 answers, of which `named_n` name a country."""
    return [
        ReleasedBlock({"country": "SE"}, Counts(promoters=named_n - n)),
        ReleasedBlock({"country": "*"}, Counts(promoters=100 - named_n)),
    ]


def story_of(target: Target = HAPPY, *, named_n: int = 90) -> Ruling:
    return rule([target], None, epochs_of(STORY, named_n=named_n), BLOCKS)


def windows_of(goods: list[int], target: Target = GOOD) -> Ruling:
    ends = [
        WindowEnd(START_MS + number * 60_000, [WindowRow(target.slice, good, 1_000)])
        for number, good in enumerate(goods, start=1)
    ]
    return rule([target], None, ends, WINDOWS)


def drifts(ruling: Ruling) -> list[Alert]:
    return [alert for alert in ruling.alerts if alert.kind == "drift"]


def test_an_episode_is_one_firing_and_one_resolved_alert() -> None:
    fired, resolved = drifts(story_of())
    assert (fired.state, fired.sequence) == ("firing", 0)
    assert (resolved.state, resolved.sequence) == ("resolved", 1)
    assert fired.alert_id == resolved.alert_id
    assert fired.dedup_key == resolved.dedup_key
    assert fired.started_at_ms == fired.at_ms == resolved.started_at_ms < resolved.at_ms
    assert (fired.at_ms - START_MS) % EPOCH_MS == 0


def test_a_replay_makes_the_same_alerts_byte_for_byte() -> None:
    first, second = story_of().alerts, story_of().alerts
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
    fired, resolved = drifts(story_of())
    assert fired.summary == (
        "Happiness in country NO has drifted below its target. "
        "Since 2026-03-01 01:50:00 UTC: -80.0 against 60 (95 % display interval -93.8 to -29.3, 10 answers). "
        "Last 7 days: 70.0. Alert raised 2026-03-01 02:00:00 UTC. Runbook: docs/runbooks/happiness-drift.md"
    )
    assert resolved.summary.startswith("Happiness in country NO has recovered. Since 2026-03-01 03:30:00 UTC: 100.0 ")
    assert resolved.at_ms - START_MS > 21 * EPOCH_MS + POLICIES["drift"].keep * EPOCH_MS
    assert "Alert raised 2026-03-01 02:00:00 UTC, ended 2026-03-01 0" in resolved.summary


def test_low_coverage_is_said() -> None:
    fired, _ = drifts(story_of(named_n=60))
    assert "Only 60 % of the released answers name this slice." in fired.summary
    assert fired.coverage == 0.6


def test_figures_are_sums_of_whole_blocks_since_the_drop_began() -> None:
    fired = drifts(story_of())[0]
    dropped = Counts(detractors=4, neutrals=1)
    shown = display_interval(dropped + dropped)
    assert shown is not None
    assert (fired.score, fired.lower, fired.upper, fired.n) == (-80.0, shown.lower, shown.upper, 10)


def test_telemetry_names_its_metric_and_counts_windows() -> None:
    (fired,) = drifts(windows_of([500] * 20))
    assert fired.summary.startswith(
        "Good time (app.response_time) in application Mail has drifted below its target. "
        "Since 2026-03-01 00:01:00 UTC: 50.0 % against 95 % "
    )
    assert re.search(r", \d windows\)\. Last 60 minutes: 50\.0 %\. ", fired.summary)


def test_a_target_of_everything_is_the_whole_organisation() -> None:
    everything = msgspec.structs.replace(HAPPY, target="happiness", slice={}, objective=99.0)
    fired = drifts(story_of(everything))[0]
    assert fired.summary.startswith("Happiness of the whole organisation has drifted")


def test_retiring_a_target_ends_its_open_episode() -> None:
    sheets = epochs_of(STORY[:20])
    retired = msgspec.structs.replace(HAPPY, version=2, state="retired", valid_from_ms=sheets[-1].at_ms + 7)
    fired, closed = drifts(rule([HAPPY, retired], None, sheets, BLOCKS))
    assert (closed.alert_id, closed.state, closed.sequence) == (fired.alert_id, "resolved", 1)
    assert closed.at_ms == retired.valid_from_ms
    assert closed.reason == "the target was retired"


@pytest.mark.parametrize("ruling", [story_of(), windows_of([100] * 30)], ids=["happiness", "good time"])
def test_the_wire_takes_every_alert(ruling: Ruling) -> None:
    assert ruling.alerts
    assert [decode(encode_avro(one)) for one in ruling.alerts] == [Ok(one) for one in ruling.alerts]
    assert [decode(encode_json(one)) for one in ruling.alerts] == [Ok(one) for one in ruling.alerts]
