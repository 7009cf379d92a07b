"""Alerts beside alerts and beside the truth, read and drawn."""

from xml.etree import ElementTree as ET

import msgspec
import pytest

from streams.errors import TargetError
from streams.events.judging import Alert, AlertKind
from streams.judging.alert_ids import alert_id
from streams.plan.backtest import Backtest, Course, Label, Raised, raised, scored, side_by_side
from streams.plan.drawing import SIGNS, svg, timeline
from streams.plan.truth import instant, read_labels

NO, SE = "desk/country=NO", "desk/country=SE"


def episode(
    target: str, from_ms: int, until_ms: int | None, *, kind: AlertKind = "drift", calls: bool = True
) -> Raised:
    return Raised(
        target=target, kind=kind, severity="warning", calls=calls, from_ms=from_ms, until_ms=until_ms, summary=""
    )


def state(target: str, opened: int, at: int, sequence: int, **changes: object) -> Alert:
    alert = Alert(
        tenant="acme", alert_id=alert_id("acme", target, "e-detector", opened), dedup_key="k", sequence=sequence,
        target=target, version=1, detector="e-detector", state="firing", reason="", severity="warning",
        started_at_ms=opened, at_ms=at, slice={}, objective=60.0, score=None, lower=None, upper=None, n=0,
        coverage=None, summary=f"state {sequence}", runbook="",
    )  # fmt: skip
    return msgspec.structs.replace(alert, **changes)


def test_states_of_an_alert_are_one_episode() -> None:
    states = [
        state(NO, 10, 40, 2, state="resolved"),
        state(SE, 20, 20, 0, calls="inhibited"),
        state(NO, 10, 10, 0),
        state(NO, 10, 30, 1),
    ]
    first, second = raised(states)
    assert (first.target, first.from_ms, first.until_ms, first.calls, first.summary) == (NO, 10, 40, True, "state 0")
    assert (second.target, second.until_ms, second.calls) == (SE, None, False)


def test_episodes_that_overlap_stand_side_by_side() -> None:
    would = [episode(NO, 10, 20), episode(NO, 50, None), episode(SE, 10, 20)]
    was = [episode(NO, 15, 30), episode(NO, 70, 90), episode(SE, 30, 40), episode(SE, 12, 18, kind="slow_burn")]
    pairs = side_by_side(would, was)
    assert [(pair.would, pair.was) for pair in pairs] == [
        (would[0], was[0]),
        (would[2], None),
        (None, was[3]),
        (None, was[2]),
        (would[1], was[1]),
    ]


def test_alerts_are_counted_against_the_truth() -> None:
    labels = [Label(target=NO, from_ms=100, until_ms=200), Label(target="desk", from_ms=500, until_ms=600)]
    some = [
        episode(NO, 130, 180),
        episode(NO, 190, None),
        episode(SE, 150, None),
        episode(SE, 600, None),
        episode(SE, 550, None, calls=False),
    ]
    score = scored(some, labels)
    assert (score.labels, score.found, score.right, score.false, score.delay_ms) == (2, 2, 3, 1, 65.0)
    assert scored([], labels).delay_ms is None


def test_a_label_of_a_file_is_not_one_of_a_longer_name() -> None:
    assert not Label(target="des", from_ms=0, until_ms=9).fits(episode(NO, 5, None))
    assert Label(target="desk", from_ms=0, until_ms=9).fits(episode(NO, 9, None))


def test_labels_are_read_with_times_in_utc() -> None:
    text = "target,from,until\ndesk,1970-01-02,1970-01-02T01:00+01:00\n\n"
    assert read_labels(text, source="t.csv") == [Label(target="desk", from_ms=86_400_000, until_ms=86_400_000)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1: the columns must be target,from,until"),
        ("target,from,until\ndesk,2026-03-01\n", "line 2: 2 values; allowed: target,from,until"),
        ("target,from,until\ndesk,soon,2026-03-01\n", "line 2: 'soon' is no time; allowed: such as 2026-03-01"),
        ("target,from,until\ndesk,1960-01-01,2026-03-01\n", "line 2: '1960-01-01' lies before 1970"),
        ("target,from,until\ndesk,2026-03-02,2026-03-01\n", "line 2: allowed: a target's id, and an end that is not"),
    ],
)
def test_labels_that_cannot_be_read_are_refused_with_their_line(text: str, complaint: str) -> None:
    with pytest.raises(TargetError) as caught:
        read_labels(text, source="t.csv")
    assert str(caught.value).startswith(f"t.csv: {complaint}")


def test_a_time_is_named_by_its_option() -> None:
    with pytest.raises(TargetError, match=r"^--from: '' is no time"):
        instant("", where="--from")


@pytest.fixture
def found() -> Backtest:
    would, was = [episode(NO, 250, 500)], [episode(NO, 750, None), episode(SE, 0, 10, calls=False)]
    return Backtest(
        tenant="acme",
        from_ms=0,
        until_ms=1_000,
        would=would,
        was=was,
        pairs=side_by_side(would, was),
        judged={NO: 2},
        courses=[
            Course(target="desk/<NO>", objective=60, lowest=-100, highest=100, points=[(0, -100.0), (1_000, 100.0)])
        ],
        labels=[Label(target="desk", from_ms=200, until_ms=400)],
        scores={},
    )


def test_a_timeline_shows_when_alerts_are_open(found: Backtest) -> None:
    _, would, was, *rest = timeline(found)
    quarter = SIGNS // 4
    assert would == f"{NO}  would  {'·' * quarter}{'#' * (quarter + 1)}{'·' * (2 * quarter - 1)}"
    assert was.split() == ["was", "·" * 3 * quarter + "#" * quarter]
    assert all("#" not in line for line in rest)  # what another alert explains calls nobody


def test_a_picture_is_svg_with_everything_in_its_place(found: Backtest) -> None:
    picture = msgspec.structs.replace(found, courses=[msgspec.structs.replace(found.courses[0], target=NO)])
    root = ET.fromstring(svg(picture))
    assert root.tag.endswith("svg")
    shapes = [element for element in root.iter() if element.tag.endswith("rect") and element.get("fill") == "#0072B2"]
    assert [shape.get("x") for shape in shapes] == ["24", f"{24 + 912 * 0.25:.1f}"]
    (line,) = [element for element in root.iter() if element.tag.endswith("polyline")]
    (first, _), (last, _) = [point.split(",") for point in str(line.get("points")).split()]
    assert (first, last) == ("24.0", "936.0")


def test_names_cannot_break_out_of_a_picture(found: Backtest) -> None:
    root = ET.fromstring(svg(found))
    assert "desk/<NO>" in [element.text for element in root.iter()]
