"""Plans of whole files: shares of volume and budget, refusals with key and reason, hints."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from streams.errors import TargetError
from streams.plan.files import FilePlan, plan_file, ruler_of
from streams.profile import DEMO, STANDARD
from streams.targets import TargetFile, read_target_file
from tests.streams.judged import GOOD, HAPPY

DESK = """
id: desk
purpose: People should like what they get.
owner: desk
indicator: {kind: happiness}
for_each: [country]
values: {country: [NO, SE, DK, FI]}
objective: 60
period: month
expected_per_year: 43800 # 30 answers a day of each country
false_alerts_per_year: 4
recovery_length: 900
runbook: docs/runbooks/desk.md
profiles:
  demo: {window: 30s, run_length: 50, min_respondents: 5}
"""
MAIL = """
id: mail
purpose: Mail should answer.
owner: mail
indicator: {kind: good_time, metric: app.response_time}
slice: {application: Mail}
objective: 95
period: week
expected_per_year: 525600
false_alerts_per_year: 2
recovery_length: 1440
runbook: docs/runbooks/mail.md
"""


def spec_of(text: str = DESK, **changes: object) -> TargetFile:
    name = text.split()[1]
    return msgspec.structs.replace(read_target_file(text, source=f"{name}.yaml"), **changes)


def plan(spec: TargetFile, **arguments: object) -> FilePlan:
    return plan_file(spec, source="desk.yaml", profile=STANDARD, **arguments)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def desk() -> FilePlan:
    return plan(spec_of())


def test_slices_share_volume_and_budget(desk: FilePlan) -> None:
    assert (desk.slices, desk.per_day, desk.each.per_day, desk.budget) == (4, 120.0, 30.0, 4.0)
    assert desk.each.run_length_at_least == 10_950.0  # 30 answers a day, one false alert a year
    assert desk.false_alerts_at_most == pytest.approx(4.0)
    assert desk.false_alerts == pytest.approx(4 * desk.each.false_alerts)
    assert desk.hints == []


def test_the_bound_is_kept_and_larger_drops_are_found_sooner(desk: FilePlan) -> None:
    each = desk.each
    assert each.run_length >= each.run_length_at_least
    assert each.false_alerts <= each.false_alerts_at_most
    delays = [drop.answers for drop in each.drops if drop.answers is not None]
    assert len(delays) >= 3
    assert delays == sorted(delays)
    assert each.outage_answers is not None
    assert each.outage_answers <= delays[0]
    assert [drop.level for drop in each.drops] == pytest.approx([20.0, 40.0, 50.0, 55.0, 58.0])


def test_the_smallest_change_lies_between_those_that_are_told(desk: FilePlan) -> None:
    """Found by halving, and no other figure but the delays of the drops around it."""
    each = desk.each
    assert each.smallest is not None
    assert each.floor < each.smallest
    for drop in each.drops:
        within = drop.days is not None and drop.days <= each.horizon_days
        assert within == (drop.points >= each.smallest), drop


def test_telling_takes_the_same_figures_twice(desk: FilePlan) -> None:
    assert plan(spec_of()) == desk


def test_other_volumes_change_days_but_not_answers(desk: FilePlan) -> None:
    busy = plan(spec_of(), per_day=1_200.0)
    assert busy.each.drops[0].answers == desk.each.drops[0].answers
    assert busy.each.drops[0].days == pytest.approx((desk.each.drops[0].days or 0.0) / 10)
    assert busy.each.smallest is not None
    assert busy.each.smallest < (desk.each.smallest or 0.0)
    (hint,) = busy.hints
    assert "over the budget of 4: set expected_per_year to 438000" in hint


def test_nothing_is_noticed_before_an_epoch_ends() -> None:
    swamped = plan(spec_of(expected_per_year=4e8), per_day=1e6)
    assert {drop.days for drop in swamped.each.drops[:2]} == {STANDARD.epoch_ms / 86_400_000}


def test_a_burn_rule_is_told_with_level_budget_and_contents() -> None:
    rules = read_target_file(DESK + "burn: [{rate: 2, long: 7d, short: 3d}]\n", source="desk.yaml").burn
    (burn,) = plan(spec_of(burn=rules)).each.burn
    assert burn.level == pytest.approx(20.0)  # twice the budget of 0.2 is a mean share of 0.6
    assert burn.budget == pytest.approx(2 * 7 / 30)
    assert (burn.long_n, burn.short_n) == (210.0, 90.0)
    assert burn.outage_days is not None
    assert 2.0 < burn.outage_days < 4.0


def test_a_tenant_says_how_many_slices_there_are() -> None:
    spec = spec_of(values={})
    assert plan(spec, values={"country": ["NO", "SE"]}).slices == 2
    assert plan(msgspec.structs.replace(spec, slices=7)).slices == 7
    with pytest.raises(TargetError, match=r"^desk\.yaml: slices: how many values country has is not known; allowed: "):
        plan(spec)


@pytest.mark.parametrize(
    ("text", "changes", "complaint"),
    [
        (
            DESK,
            {"min_respondents": 901},
            "min_respondents: 901 can never be judged: a month has 900.0 answers of a slice",
        ),
        (
            DESK,
            {"false_alerts_per_year": 2_000.0},
            "false_alerts_per_year: a false alert in 22 answers fires all the time",
        ),
        (DESK, {"objective": -99.9}, "objective: -99.9 can never fire in time: even if all were as bad as can"),
        (
            DESK,
            {"recovery_length": 20_000.0},
            "recovery_length: 20,000 can never end: a slice has 10,950 answers a year",
        ),
        (MAIL, {"expected_per_year": 1e6}, "expected_per_year: 2,740 windows a day of a slice are more than there are"),
    ],
)
def test_rules_that_cannot_work_are_refused(text: str, changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(TargetError) as caught:
        plan(spec_of(text, **changes))
    assert str(caught.value).startswith(f"desk.yaml: {complaint}")


def test_a_refusal_names_the_profile_that_states_the_value() -> None:
    with pytest.raises(
        TargetError, match=r"profiles\.demo\.run_length: a false alert in 50 answers fires all the time"
    ):
        plan_file(spec_of(), source="desk.yaml", profile=DEMO, per_day=1_000.0)
    with pytest.raises(TargetError, match=r"profiles\.demo\.min_respondents: 5 can never be judged"):
        plan_file(spec_of(), source="desk.yaml", profile=DEMO, per_day=0.1)


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        (
            "{rate: 2, long: 1h, short: 5m}",
            r"burn\.0\.short: 300 s can never fire beside 3600 s: figures come every 600 s, .*; allowed: from 600s",
        ),
        ("{rate: 2, long: 7d, short: 5h}", r"burn\.0\.short: 18000 s can never fire .* 56 parts; allowed: from 21600s"),
        (
            "{rate: 2, long: 1d, short: 2h}",
            r"burn\.0\.short: 7200 s can never fire at this volume: it holds 2\.5 .* and 5 .*: from 14400s",
        ),
    ],
)
def test_burn_windows_must_hold_something(rule: str, complaint: str) -> None:
    with pytest.raises(TargetError, match=complaint):
        plan(spec_of(DESK + f"burn: [{rule}]\n"))


def test_a_little_volume_is_hinted_at() -> None:
    """Fifty answers a month of a slice with five people to a block prove little."""
    hints = plan(spec_of(min_respondents=1, objective=85.0, recovery_length=30.0), per_day=1.0).hints
    assert any("too short to prove that the promise was kept" in hint for hint in hints)


def test_a_target_is_planned_on_the_grid_that_judges_it() -> None:
    assert ruler_of(GOOD, STANDARD).unit_ms == STANDARD.window_ms
    assert (ruler_of(HAPPY, STANDARD).unit_ms, ruler_of(HAPPY, STANDARD).per_observation) == (STANDARD.epoch_ms, 5)
    assert ruler_of(HAPPY, replace(STANDARD, k=8)).per_observation == 8


@pytest.mark.parametrize(("name", "slices"), [("happiness-by-country", 12), ("good-time-by-application", 40)])
def test_the_shipped_files_keep_their_budget(name: str, slices: int) -> None:
    path = Path(__file__).parents[3] / "infra" / "targets" / f"{name}.yaml"
    spec = read_target_file(path.read_text(), source=str(path))
    found = plan_file(spec, source=str(path), profile=STANDARD)
    assert found.slices == slices
    assert found.false_alerts <= found.false_alerts_at_most <= 1.001 * spec.false_alerts_per_year
    assert found.hints == []
