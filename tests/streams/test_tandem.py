"""From published periods to watermelon alerts: one per episode, the same for any order of what was published."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.codecs import Ok, decode, encode_json
from streams.scores import Counts
from streams.tandem import Cell, follow_target, is_tandem
from streams.watermelon import Kept
from tests.streams.judged import GOOD, HAPPY, START_MS

DAY_MS = 86_400_000
TARGET = msgspec.structs.replace(HAPPY, objective=75.0, slice={"country": "NO", "service": "mail"})
MAIL = {"country": "NO", "service": "mail"}
KEPT, UNHAPPY = Kept(made=385, tickets=400), Counts(promoters=300, neutrals=40, detractors=60)
HAPPIER = Counts(promoters=3_000)


def day(number: int, kept: Kept = KEPT, answers: Counts = UNHAPPY, where: dict[str, str] = MAIL) -> Cell:
    return Cell(end_ms=START_MS + number * DAY_MS, where=where, kept=kept, answers=answers)


STORY = [day(1), day(2), day(3), day(4, answers=HAPPIER), day(5, answers=HAPPIER), day(6)]


def test_a_watermelon_fires_once_and_ends_once() -> None:
    fired, resolved = follow_target([TARGET], STORY, bucket_ms=DAY_MS)
    assert (fired.state, fired.sequence, fired.kind) == ("firing", 0, "watermelon")
    assert (resolved.state, resolved.sequence, resolved.alert_id) == ("resolved", 1, fired.alert_id)
    assert (fired.at_ms - START_MS) / DAY_MS == 2  # shown on two days in a row
    assert (fired.severity, fired.objective, fired.n) == ("info", 75.0, 800)
    assert fired.summary == (
        "The service level is met and people are unhappy: country NO, service mail. "
        "This month: 770 of 800 tickets in time (95 % interval 94.7 to 97.4 %, goal 90 %); "
        "happiness 60.0 against 75 (95 % interval 54.7 to 64.9, 800 answers). "
        "Alert raised 2026-03-03 00:00:00 UTC. Runbook: docs/runbooks/happiness-drift.md"
    )
    assert [decode(encode_json(one)) for one in (fired, resolved)] == [Ok(fired), Ok(resolved)]


@given(st.permutations(STORY))
def test_the_order_of_what_was_published_is_nothing(cells: list[Cell]) -> None:
    assert follow_target([TARGET], cells, bucket_ms=DAY_MS) == follow_target([TARGET], STORY, bucket_ms=DAY_MS)


def test_a_longer_look_says_what_a_shorter_one_said() -> None:
    whole = follow_target([TARGET], STORY, bucket_ms=DAY_MS)
    for length in range(len(STORY)):
        part = follow_target([TARGET], STORY[:length], bucket_ms=DAY_MS)
        assert part == whole[: len(part)]


@pytest.mark.parametrize("where", [{"country": "SE", "service": "mail"}, {"country": "*", "service": "mail"}])
def test_what_lies_elsewhere_does_not_count(where: dict[str, str]) -> None:
    assert follow_target([TARGET], [day(n, where=where) for n in range(1, 9)], bucket_ms=DAY_MS) == []
    parent = msgspec.structs.replace(TARGET, slice={"service": "mail"})
    assert len(follow_target([parent], [day(n, where=where) for n in range(1, 9)], bucket_ms=DAY_MS)) == 1


def test_a_month_starts_again_and_an_episode_goes_on() -> None:
    cells = [*STORY[:3], day(40, kept=Kept(), answers=Counts()), day(41), day(42)]
    assert [alert.state for alert in follow_target([TARGET], cells, bucket_ms=DAY_MS)] == ["firing"]


def test_a_retired_target_ends_its_episode() -> None:
    retired = msgspec.structs.replace(TARGET, version=2, state="retired", valid_from_ms=START_MS + 3 * DAY_MS + 7)
    fired, ended = follow_target([TARGET, retired], STORY, bucket_ms=DAY_MS)
    assert (ended.state, ended.reason, ended.at_ms) == ("resolved", "the target was retired", retired.valid_from_ms)
    assert ended.alert_id == fired.alert_id


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (TARGET, True),
        (msgspec.structs.replace(TARGET, slice={}), True),
        (msgspec.structs.replace(TARGET, slice={"channel": "chat"}), False),
        (GOOD, False),
    ],
)
def test_only_happiness_by_country_and_service_has_a_service_level_beside_it(target: object, expected: bool) -> None:
    assert is_tandem(target) == expected  # type: ignore[arg-type]
