"""Target files: what is taken, and complaints that name file, key and allowed values."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from streams.errors import TargetError
from streams.targets import TargetFile, json_schema, read_target_file
from streams.targets.documents import load_document
from streams.targets.expansion import Stamp, expand
from streams.targets.indicators import (
    INDICATORS,
    Dex,
    GoodTime,
    Happiness,
    Indicator,
    Leaf,
    LostMinutes,
    LostTimeAbove,
    LowScores,
    kind_of,
)

FOLDER = Path(__file__).parents[3] / "infra" / "targets"
FILES = sorted(FOLDER.glob("*.yaml"))
METRICS = {"app.response_time": ("country", "service", "application")}

PLAIN = """
id: desk
purpose: People should like what they get.
owner: desk
indicator: {kind: happiness}
for_each: [country]
objective: 60
period: month
window: 7d
expected_per_year: 10950
false_alerts_per_year: 1
recovery_length: 900
runbook: docs/runbooks/desk.md
profiles:
  demo: {window: 30s, run_length: 100000}
"""


def read(text: str, *, source: str = "infra/targets/desk.yaml") -> TargetFile:
    return read_target_file(text, source=source, metrics=METRICS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_shipped_files_are_good_and_pass_their_schema(path: Path) -> None:
    spec = read_target_file(path.read_text(), source=str(path), metrics=METRICS)
    assert spec.for_profile("demo").run_length is not None
    jsonschema.Draft202012Validator(json_schema()).validate(load_document(path.read_text(), source=str(path)))


def test_there_are_shipped_files() -> None:
    assert {path.stem for path in FILES} == {
        "happiness-by-country",
        "happiness-by-service",
        "happiness-by-country-and-service",
        "good-time-by-application",
    }


def test_the_published_schema_is_the_generated_one() -> None:
    """Rewrite it with `xpulse targets schema > infra/targets/schema.json`."""
    assert json.loads((FOLDER / "schema.json").read_text()) == json_schema()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_a_plain_file_is_read() -> None:
    spec = read(PLAIN)
    assert spec.indicator == Happiness()
    assert (spec.objective, spec.period, spec.min_respondents, spec.severity) == (60.0, "month", 30, "warning")
    assert spec.for_profile("demo").window == "30s"
    assert spec.for_profile("standard").window is None


def test_all_that_a_file_may_say_beyond_that() -> None:
    spec = read(
        PLAIN + "tenant: acme\nreview: 2027-01-31\nroutes: [on-call, desk.2]\nhours: any\nslices: 12\n"
        "burn: [{rate: 2.5, long: 3d, short: 6h}]\n"
    )
    assert (spec.tenant, spec.review, spec.routes, spec.hours, spec.slices) == (
        "acme", "2027-01-31", ["on-call", "desk.2"], "any", 12,
    )  # fmt: skip
    assert [(rule.rate, rule.long, rule.short) for rule in spec.burn] == [(2.5, "3d", "6h")]


def test_feedback_calls_in_working_hours_and_telemetry_at_any_time_unless_the_file_says_otherwise() -> None:
    assert read(PLAIN).hours_in_force() == "working"
    assert read(PLAIN + "hours: any").hours_in_force() == "any"
    good = PLAIN.replace("{kind: happiness}", "{kind: good_time, metric: app.response_time}")
    assert read(good).hours_in_force() == "any"


def test_a_dead_burn_rule_is_named_with_the_largest_burn() -> None:
    path = Path(__file__).parents[2] / "data" / "targets" / "dead_burn.yaml"
    with pytest.raises(TargetError, match=r"burn\.0\.rate: an objective of 75 % can burn at 4 at most, so 14\.4 can "):
        read_target_file(path.read_text(), source=str(path))


def test_the_example_in_the_docs_shows_every_key_and_is_good() -> None:
    page = (FOLDER.parents[1] / "docs" / "targets.md").read_text()
    example = page.partition("```yaml\n")[2].partition("```")[0]
    read_target_file(example, source="happiness-by-country.yaml")
    shown = set(load_document(example, source="docs/targets.md"))
    assert shown == set(TargetFile.__struct_fields__) - {"profiles"}


def test_norway_is_a_country_and_not_false() -> None:
    spec = read(PLAIN.replace("[country]", "[country]\nvalues: {country: [NO, SE, ON, y, 2026-03-01]}"))
    assert spec.values == {"country": ["NO", "SE", "ON", "y", "2026-03-01"]}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "period: month",
            "period: monthly",
            "period: Invalid enum value 'monthly'; allowed: day, month, quarter, week",
        ),
        ("owner: desk\n", "", "the file: Object missing required field `owner`; allowed: id, purpose, owner, "),
        (
            "owner: desk",
            "owner: desk\nteam: x",
            "the file: Object contains unknown field `team`; allowed: id, purpose, ",
        ),
        ("{kind: happiness}", "{kind: joy}", "indicator.kind: Invalid value 'joy'; allowed: happiness, good_time"),
        ("{kind: happiness}", "{}", "indicator: Object missing required field `kind`; allowed: happiness, good_time"),
        ("{kind: happiness}", "happiness", "indicator: Expected `object`, got `str`; allowed: happiness, good_time"),
        (
            "{kind: happiness}",
            "{kind: good_time}",
            "indicator: Object missing required field `metric`; allowed: kind, metric",
        ),
        (
            "{kind: happiness}",
            "{kind: happiness, cap: 1}",
            "indicator: Object contains unknown field `cap`; allowed: kind",
        ),
        (
            "{kind: happiness}",
            "{kind: good_time, metric: cpu}",
            "indicator.metric: no metric 'cpu' with a rule for good; allowed: app",
        ),
        ("[country]", "[land]", "for_each.0: Invalid enum value 'land'; allowed: application, assignment_group, "),
        ("[country]", "[application]", "for_each: no dimension 'application' here; allowed: country, site, "),
        ("[country]", "[country, country]", "for_each: a dimension is named twice"),
        ("[country]", "[country]\nslice: {country: NO}", "for_each: 'country' is fixed by slice already"),
        ("[country]", "[country]\nslice: {land: NO}", "slice: Invalid enum value 'land'; allowed: country, site, "),
        ("[country]", "[country]\nslice: {channel: 3}", "slice.(any key): Expected `str`, got `int`"),
        ("[country]", "[country]\nvalues: {service: [mail]}", "values: 'service' is not in for_each; allowed: country"),
        ("[country]", "[country]\nvalues: {country: [NO, NO]}", "values.country: a value is named twice"),
        ("[country]", "[country]\nvalues: {country: []}", "values.(any key): Expected `array` of length >= 1"),
        (
            "objective: 60",
            "objective: 100",
            "objective: 100 can never drift; happiness takes more than -100 and less than 100",
        ),
        (
            "objective: 60",
            "objective: sixty",
            "objective: Expected `float`, got `str`; allowed: numbers from -100 to 480",
        ),
        (
            "objective: 60",
            "objective: true",
            "objective: Expected `float`, got `bool`; allowed: numbers from -100 to 480",
        ),
        (
            "window: 7d",
            "window: 7 days",
            "window: not of the right form; allowed: a whole number and s, m, h or d, such as",
        ),
        (
            "window: 7d",
            "window: 7d\nmin_respondents: 0",
            "min_respondents: Expected `int` >= 1; allowed: numbers from 1 to",
        ),
        (
            "run_length: 100000",
            "run_lenght: 9",
            "profiles.(any key): Object contains unknown field `run_lenght`; allowed: window,",
        ),
        ("  demo:", "  show:", "profiles: Invalid enum value 'show'; allowed: standard, demo"),
        ("id: desk", "id: desk\nreview: soon", "review: not of the right form; allowed: a date such as 2027-01-31"),
        ("id: desk", "id: desk\nreview: 2027-02-30", "review: 2027-02-30 is no day of the calendar"),
        ("id: desk", "id: desk\nhours: office", "hours: Invalid enum value 'office'; allowed: any, working"),
        (
            "id: desk",
            "id: desk\nroutes: [On Call]",
            "routes.0: not of the right form; allowed: small letters and digits,",
        ),
        ("id: desk", "id: desk\nslices: 0", "slices: Expected `int` >= 1; allowed: numbers from 1 to 100000"),
        (
            "id: desk",
            "id: desk\nburn: [{rate: 3, long: 3d, short: 6h}, {rate: 5, long: 3d, short: 6h}]",
            "burn.1.rate: an objective of 60 can burn at 5 at most, so 5 can never fire; allowed: above 1 and below 5",
        ),
        (
            "id: desk",
            "id: desk\nburn: [{rate: 1, long: 3d, short: 6h}]",
            "burn.0.rate: 1 would fire all the time: a target that is just kept burns at 1; allowed: above 1",
        ),
        (
            "id: desk",
            "id: desk\nburn: [{rate: 2, long: 6h, short: 6h}]",
            "burn.0.short: 6h is not shorter than long, 6h; allowed: less than that",
        ),
        (
            "id: desk",
            "id: desk\nburn: [{rate: 2, long: 30d, short: 6h}]",
            "burn.0.long: 30d is longer than a month; allowed: up to 28d",
        ),
        (
            "run_length: 100000",
            "burn: [{rate: 6, long: 5m, short: 30s}]",
            "profiles.demo.burn.0.rate: an objective of 60 can burn at 5 at most, so 6 can never fire",
        ),
        ("id: desk", "id: Desk", "id: not of the right form; allowed: small letters, digits and single hyphens"),
        ("id: desk", "id: counter", "id: 'counter' must equal the file's name, 'desk'"),
        ("id: desk", "id: desk\nid: desk", "line 3, column 1: key 'id' is written twice"),
        ("id: desk", "id: [desk", "line "),
        ("10950", ".inf", "expected_per_year: Expected `float`, got `str`; allowed: numbers above 0 to 1e+12"),
        ("10950", "0", "expected_per_year: Expected `float` > 0.0; allowed: numbers above 0 to 1e+12"),
    ],
)
def test_complaints_name_file_key_and_allowed_values(old: str, new: str, complaint: str) -> None:
    assert old in PLAIN
    with pytest.raises(TargetError) as caught:
        read(PLAIN.replace(old, new))
    assert str(caught.value).startswith(f"infra/targets/desk.yaml: {complaint}")


@pytest.mark.parametrize("text", ["", "- 1", "7", "a: !!python/object/apply:os.system ['true']", "&a [*a]", "\x00"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(TargetError, match=r"^infra/targets/desk\.yaml: "):
        read(text)


def test_a_good_time_file_may_use_the_dimensions_of_its_metric() -> None:
    good = PLAIN.replace("{kind: happiness}", "{kind: good_time, metric: app.response_time}")
    spec = read(good.replace("[country]", "[application]"))
    assert spec.indicator == GoodTime(metric="app.response_time")
    with pytest.raises(TargetError, match=r"no dimension 'os_version' here; allowed: country, service, application$"):
        read(good.replace("[country]", "[os_version]"))


def test_every_indicator_is_registered_and_has_a_wire_name() -> None:
    leaf = Leaf(metric="m", weight=1)
    ones: list[Indicator] = [
        Happiness(),
        GoodTime(metric="m"),
        LowScores(at_most=6),
        LostTimeAbove(minutes=60),
        Dex(leaves=[leaf]),
    ]
    assert {kind_of(one) for one in [*ones, LostMinutes()]} == set(INDICATORS)


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())

    def is_valid(**changes: Any) -> bool:
        return bool(validator.is_valid({**yaml.safe_load(PLAIN), **changes}))

    assert is_valid()
    assert not is_valid(team="x")
    assert not is_valid(period="monthly")
    assert not is_valid(slice={"land": "NO"})
    assert not is_valid(profiles={"show": {}})
    assert not is_valid(window="7 days")


def test_specs_survive_their_own_encoding() -> None:
    spec = read(PLAIN)
    assert msgspec.convert(msgspec.to_builtins(spec), TargetFile) == spec


def test_the_goal_of_the_service_level_is_usual_unless_the_file_says_it() -> None:
    stamp = Stamp(valid_from_ms=0, recorded_at_ms=0, author="test", reason="")
    values = {"country": ["NO"], "channel": ["chat"]}
    for text, goal in ((PLAIN, 90.0), (PLAIN + "sla: {goal: 97.5}\n", 97.5), (PLAIN + "sla: {}\n", 90.0)):
        (found,) = expand(read(text), tenant="acme", profile="standard", values=values, stamp=stamp)
        assert found.sla_goal == goal


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (PLAIN + "sla: {goal: 100}\n", "sla.goal: "),
        (
            PLAIN.replace("[country]", "[channel]") + "sla: {goal: 95}\n",
            "sla: there is no service level beside happiness ",
        ),
    ],
)
def test_a_goal_that_cannot_be_looked_at_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(TargetError) as caught:
        read(text)
    assert str(caught.value).startswith(f"infra/targets/desk.yaml: {complaint}")
