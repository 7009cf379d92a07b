"""What every detector owes: checked over the registry."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.detect import DETECTORS, BuildDetector, Detector
from streams.detect.drift import DriftState, Onset, Watched
from streams.detect.edetector import STAKES
from streams.detect.observation import Observation, block_of, observed
from streams.scores import PPM, Counts

every_detector = pytest.mark.parametrize("build", DETECTORS.values(), ids=list(DETECTORS))

blocks = st.lists(st.tuples(st.integers(0, PPM), st.integers(1, 30)), max_size=3).map(observed)
epochs = st.lists(st.lists(blocks, max_size=4), max_size=12)
BAD, GOOD = block_of(Counts(detractors=5)), block_of(Counts(promoters=5))


def follow(detector: Detector, some: list[list[Observation]], *, through_json: bool) -> list[Watched]:
    """Watch epoch by epoch; return every state, evidence and detection."""
    state = detector.fresh()
    seen: list[Watched] = []
    for number, observations in enumerate(some, start=1):
        watched = detector.watch(state, observations, at_ms=number * 1_000)
        seen.append(watched)
        state = watched.state
        if through_json:
            state = msgspec.json.decode(msgspec.json.encode(state), type=DriftState)
    return seen


@every_detector
def test_is_registered_under_its_name(build: BuildDetector) -> None:
    assert DETECTORS[build(mean=0.8, level=100, recovery_level=100).name] is build


@every_detector
@given(some=epochs, mean=st.floats(0.05, 0.95))
def test_state_survives_json_bit_by_bit(build: BuildDetector, some: list[list[Observation]], mean: float) -> None:
    detector = build(mean=mean, level=50, recovery_level=20)
    assert follow(detector, some, through_json=True) == follow(detector, some, through_json=False)


@given(st.tuples(*[st.floats(0, 1e300)] * len(STAKES)))
def test_any_finite_state_survives_json(products: tuple[float, ...]) -> None:
    state = DriftState(products=products, onset=Onset(height=products[0], since_ms=9, n=2, total=3), since_ms=5)
    again = msgspec.json.decode(msgspec.json.encode(state), type=DriftState)
    assert again == state
    assert msgspec.json.encode(again) == msgspec.json.encode(state)


@every_detector
def test_finds_a_fall_latches_and_finds_the_recovery(build: BuildDetector) -> None:
    detector = build(mean=0.8, level=1_000, recovery_level=100)
    story = [[GOOD]] * 5 + [[BAD]] * 20 + [[GOOD]] * 60 + [[BAD]] * 20
    turns = [
        (watched.detection.turn, watched.detection.at_ms, watched.detection.since_ms)
        for watched in follow(detector, story, through_json=True)
        if watched.detection
    ]
    assert [turn for turn, _, _ in turns] == ["drift", "recovery", "drift"]
    (_, raised, since), (_, ended, ended_since), (_, again, _) = turns
    assert 5_000 < raised == since == ended_since < 25_000 < ended < 85_000 < again


@every_detector
def test_tells_the_figures_since_the_fall_began(build: BuildDetector) -> None:
    detector = build(mean=0.8, level=1_000_000, recovery_level=100)
    story = [[GOOD]] * 50 + [[BAD, BAD]] * 20
    (found,) = [one.detection for one in follow(detector, story, through_json=True) if one.detection]
    assert found.onset.since_ms == 51_000
    assert found.onset.total == 0
    assert found.onset.n % 5 == 0
    assert 0 < found.onset.n <= 5 * 2 * (found.at_ms // 1_000 - 50)


@every_detector
def test_a_rise_is_not_a_drift(build: BuildDetector) -> None:
    seen = follow(build(mean=0.8, level=10, recovery_level=10), [[GOOD] * 4] * 200, through_json=False)
    assert not any(watched.detection for watched in seen)


@every_detector
def test_turns_at_most_once_per_epoch(build: BuildDetector) -> None:
    detector = build(mean=0.8, level=10, recovery_level=1)
    watched = detector.watch(detector.fresh(), [BAD] * 10 + [GOOD] * 10 + [BAD] * 10, at_ms=1)
    assert watched.detection is not None
    assert watched.detection.turn == "drift"
    assert watched.state == DriftState(since_ms=1)


@every_detector
def test_nothing_seen_changes_nothing(build: BuildDetector) -> None:
    detector = build(mean=0.8, level=10, recovery_level=10)
    before = detector.watch(detector.fresh(), [block_of(Counts(neutrals=5))], at_ms=1)
    after = detector.watch(before.state, [(), ()], at_ms=2)
    assert (after.state, after.evidence) == (before.state, before.evidence)


@every_detector
def test_a_long_drop_is_one_alert_not_many(build: BuildDetector) -> None:
    """Sixty days at happiness -20 against 60: one alert, and no all-clear before the drop ends."""
    random, detector = Random(3), build(mean=0.8, level=2_000, recovery_level=180)
    days = [
        [observed((share, 1) for share in random.choices((0, PPM // 2, PPM), (55, 10, 35), k=5)) for _ in range(6)]
        for _ in range(60)
    ]
    turns = [watched.detection for watched in follow(detector, days, through_json=False) if watched.detection]
    assert len(turns) == 1


def test_the_state_refuses_fields_it_does_not_know() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(b'{"products":[0,0,0,0,0],"speed":1}', type=DriftState)
