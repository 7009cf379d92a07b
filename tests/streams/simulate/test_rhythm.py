import random
from collections import Counter
from dataclasses import replace
from itertools import takewhile

import pytest

from streams.simulate.rhythm import DAY_MS, Rhythm, candidates
from streams.simulate.scenario import demo, design
from tests.streams.simulate.play import of, play

MIDNIGHT_MS = 20_000 * DAY_MS


def test_most_happens_at_one_in_the_afternoon_local_time() -> None:
    rhythm = Rhythm(swing=0.9)
    levels = {hour: rhythm.level(MIDNIGHT_MS + hour * 3_600_000, "NO") for hour in range(24)}
    assert max(levels, key=levels.__getitem__) == 12  # an hour ahead of UTC
    assert levels[12] == pytest.approx(1.9)
    assert levels[0] == pytest.approx(0.1)
    assert sum(levels.values()) / 24 == pytest.approx(1)
    assert rhythm.level(MIDNIGHT_MS + 18 * 3_600_000, "US") == pytest.approx(1.9)


def test_thinned_candidates_have_the_mean_rate() -> None:
    rhythm, rng = Rhythm(day_ms=10_000, swing=0.8), random.Random(3)
    times = takewhile(lambda at: at < MIDNIGHT_MS + 100_000, candidates(rng, 50.0, rhythm, MIDNIGHT_MS))
    kept = [at for at in times if rhythm.is_active(rng, at, "NO")]
    assert len(kept) == pytest.approx(5_000, rel=0.05)
    by_phase = Counter((at % 10_000) * 24 // 10_000 for at in kept)
    assert by_phase[12] > 4 * by_phase[0]


def test_no_rate_no_candidates() -> None:
    assert list(candidates(random.Random(1), 0.0, Rhythm(swing=0.0), 0)) == []


def test_people_answer_in_their_working_hours() -> None:
    scenario = replace(design("t"), telemetry_per_s=0.0, tickets_per_s=0.0, size=demo("t").size)
    day = play(scenario, 2, 86_400, start_ms=MIDNIGHT_MS)
    organisation = scenario.organisation(2)
    country = {person.id: person.country for person in organisation.people}
    invited = [i.body for i in of(day, "invitations") if i.body["outcome"] == "pending"]
    hours = Counter((b["event_time_ms"] - MIDNIGHT_MS) // 3_600_000 for b in invited if country[b["person"]] == "NO")
    assert sum(hours[hour] for hour in range(8, 17)) > 0.6 * hours.total()
    assert sum(hours[hour] for hour in (22, 23, 0, 1, 2)) < 0.1 * hours.total()
