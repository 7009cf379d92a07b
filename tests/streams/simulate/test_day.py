"""The troubles of a working day are there when and where its plan says."""

from dataclasses import replace

from streams.simulate.day import day, quiet
from streams.simulate.names import RESPONSE_TIME
from streams.simulate.opinions import CHANNEL_OFFSET, USUAL_MIX
from streams.simulate.telemetry import Condition
from streams.simulate.troubles import Notice, Silence
from tests.streams.simulate.play import of, play

START_MS = 1_773_014_400_000
"""2026-03-09 00:00 UTC."""


def test_a_day_follows_from_its_seed_and_no_two_are_alike() -> None:
    assert day("t", 3) == day("t", 3)
    assert len({day("t", seed).scenario.drops for seed in range(20)}) == 20


def test_the_offsets_of_the_channels_are_nothing_over_the_usual_mix() -> None:
    for offset in (CHANNEL_OFFSET, quiet("t").channel_offset or {}):
        assert abs(sum(share * offset[channel] for channel, share in USUAL_MIX.items())) < 1e-9


def test_all_days_happen_in_one_organisation() -> None:
    assert quiet("t").organisation(1) == day("t", 2).scenario.organisation(3)
    assert replace(quiet("t"), world=None).organisation(1) != quiet("t").organisation(1)


def test_every_cause_is_announced_before_its_trouble() -> None:
    for seed in range(20):
        planned = day("t", seed)
        at_s = {notice.change_id("t"): notice.at_s for notice in planned.scenario.notices}
        (rollout,) = planned.scenario.rollouts
        at_s[f"t/change/{rollout.name}"] = rollout.at_s - rollout.lead_s
        causes = [(at_s[trouble.cause], trouble.at_s) for trouble in planned.troubles if trouble.cause]
        assert len(causes) == 4
        assert all(0 <= cause_s < begin_s for cause_s, begin_s in causes)
        assert len(planned.decoys) >= 5


def test_a_flapping_application_is_bad_in_its_spells_and_well_between() -> None:
    scenario = day("t", 0).scenario
    (flapping,) = scenario.flappings
    condition = Condition(scenario, START_MS)
    for begin_s, end_s in flapping.spells():
        ratios = [
            condition.good_ratio(flapping.application, START_MS + round(1_000 * at_s))
            for at_s in (begin_s - 1, begin_s + 1, end_s - 1, end_s + 1)
        ]
        assert [ratio < 0.95 for ratio in ratios] == [False, True, True, False]


def test_nothing_reports_of_a_silent_application_and_changes_are_announced_as_planned() -> None:
    silence = Silence(application="crm", at_s=600.0, until_s=1_200.0)
    notice = Notice(name="planted", at_s=300.0, kind="wave", where={"application": "crm"})
    base = replace(quiet("t"), telemetry_per_s=5.0, change_every_s=0.0)
    items = play(replace(base, silences=(silence,), notices=(notice,)), 1, 1_800, start_ms=START_MS)
    readings = [item.body for item in of(items, "telemetry") if item.body.get("application") == "crm"]
    times = [body["event_time_ms"] - START_MS for body in readings if body["metric"] == RESPONSE_TIME]
    assert min(times) < 600_000
    assert max(times) >= 1_200_000
    assert not any(600_000 <= at_ms < 1_200_000 for at_ms in times)
    (change,) = of(items, "changes")
    assert {name: change.body[name] for name in ("change_id", "kind", "application", "event_time_ms")} == {
        "change_id": "t/change/planted", "kind": "wave", "application": "crm", "event_time_ms": START_MS + 300_000,
    }  # fmt: skip
