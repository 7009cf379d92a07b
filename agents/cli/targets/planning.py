"""`xpulse targets plan`: what target files will do, before they are published."""

import json
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from agents.cli.targets.options import AsJson, Data, Files
from agents.cli.targets.reach import known_values, running_settings
from agents.declared import read_catalogue, read_target_files, target_files
from agents.settings import Settings, read_settings
from streams.plan.files import FilePlan, plan_file
from streams.plan.forecast import BurnForecast, Drop
from streams.profile import Profile
from streams.targets import TargetFile, hints

EXAMPLES = """\b
Examples:
  xpulse targets plan infra/targets/happiness-by-country.yaml
  xpulse targets plan mine.yaml --volume 300        # 300 answers (or windows) a day, all slices together
  xpulse targets plan --tenant acme --json          # slices as the tenant's directory knows them
"""

_NAME = 14


def plan(
    files: Files = None,
    volume: Annotated[
        float | None, typer.Option(min=0.001, help="Answers (or windows) a day, all slices together.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Take the slices that this tenant's directory knows.")] = "",
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Foresee what target files will do, or refuse rules that cannot work.

    For a slice of average volume: how soon a drop of which size is noticed, the smallest one that is noticed within a
    period, false alerts a year (expected, and at most by the detector's guarantee), and from which distance to the
    objective on a period's verdict is proven. Files are refused, with status 2, where a rule can never fire or would
    fire all the time.

    The predictions run the very detector and interval that judge, on independent answers (one in ten neutral) and
    windows of 20 uses; a level that is better than the objective raises far fewer false alerts.
    """
    settings = running_settings(data) if tenant or data else read_settings()
    paths = files or target_files()
    specs = read_target_files(paths, read_catalogue(settings))
    told = [_planned(settings, spec, path, volume, tenant) for spec, path in zip(specs, paths, strict=True)]
    print(json.dumps(msgspec.to_builtins(told), indent=2) if as_json else "\n\n".join(map(_text, told)))


def _planned(settings: Settings, spec: TargetFile, path: Path, volume: float | None, tenant: str) -> FilePlan:
    profile: Profile = settings.time_profile()
    values = known_values(settings, tenant) if tenant else None
    found = plan_file(spec, source=str(path), profile=profile, values=values, per_day=volume)
    said = hints(spec, int(time.time() * 1000))
    return msgspec.structs.replace(found, hints=[*said, *found.hints])


def _text(plan: FilePlan) -> str:
    slices = "one target" if plan.slices == 1 else f"{plan.slices:,} slices"
    head = f"{plan.id}: {plan.promise}, {slices}, {_amount(plan.per_day, plan)} a day"
    if plan.slices > 1:
        head += f" ({_number(plan.each.per_day)} of a slice)"
    rows = [*_alarms(plan), *_drops(plan), *_verdicts(plan), *_burns(plan), ("assumed", plan.assumed)]
    rows += [("hint", hint) for hint in plan.hints]
    names = ["" if row[0] == before[0] else row[0] for before, row in zip([("", ""), *rows], rows, strict=False)]
    return "\n".join([head, *(f"  {name:<{_NAME}}{row[1]}" for name, row in zip(names, rows, strict=True))])


def _alarms(plan: FilePlan) -> list[tuple[str, str]]:
    each = plan.each
    budget = "" if plan.budget is None else f" (budget {plan.budget:g})"
    return [
        (
            "false alerts",
            (
                f"{plan.false_alerts:.2g} a year expected, {plan.false_alerts_at_most:.3g} at most{budget}, all slices "
                "together and exactly on target all the time"
            ),
        ),
        (
            "false alerts",
            (
                f"of a slice: one in {_amount(each.run_length, plan)} expected, in "
                f"{_number(each.run_length_at_least)} at least; it stays open for {_days(each.open_days)}"
            ),
        ),
    ]


def _drops(plan: FilePlan) -> list[tuple[str, str]]:
    each = plan.each
    rows = [("noticed", _drop(drop, plan)) for drop in each.drops]
    if each.outage_answers is not None and each.outage_days is not None:
        outage = f"all bad: after {_amount(each.outage_answers, plan)}, {_days(each.outage_days)}"
        rows.insert(0, ("noticed", outage))
    within = f"within {_days(each.horizon_days)}"
    smallest = f"no drop is noticed {within} in half of all cases"
    if each.smallest is not None:
        smallest = f"{_points(each.smallest, plan)} is the smallest drop that is noticed {within} in half of all cases"
    rows.append(("smallest", smallest))
    rows.append(("smallest", f"below {_points(each.floor, plan)} no number of {plan.counted} tells it from the target"))
    return rows


def _drop(drop: Drop, plan: FilePlan) -> str:
    what = f"{_points(drop.points, plan)} off, at {drop.level:.4g}{plan.unit}"
    if drop.answers is None or drop.days is None:
        return f"{what}: {f'not within {_days(plan.each.tried_days)}' if drop.points > plan.each.floor else 'never'}"
    return f"{what}: after {_amount(drop.answers, plan)}, {_days(drop.days)} (median)"


def _verdicts(plan: FilePlan) -> list[tuple[str, str]]:
    each = plan.each
    sides = (("missed", each.missed, "worse"), ("met", each.met, "better"))
    rows = [
        (
            "verdict",
            f"{verdict} is proven if the level is {_points(gap, plan)} {side} than promised, or more"
            if gap is not None
            else f"{verdict} is not proven at any level",
        )
        for verdict, gap, side in sides
    ]
    return [("verdict", f"a period has {_amount(each.period_n, plan)} of a slice; typically by its end"), *rows]


def _burns(plan: FilePlan) -> list[tuple[str, str]]:
    return [("burn", _burn(burn, plan)) for burn in plan.each.burn]


def _burn(burn: BurnForecast, plan: FilePlan) -> str:
    outage = "" if burn.outage_days is None else f"; fires after {_days(burn.outage_days)} of all bad"
    return (
        f"{burn.rate:g} over {_days(burn.long_s / 86_400)} and {_days(burn.short_s / 86_400)}: for certain beyond "
        f"{burn.level:.4g}{plan.unit} on {_number(burn.long_n)} and {_number(burn.short_n)} {plan.counted}, with "
        f"{burn.budget:.0%} of the period's budget gone{outage}; {_rare(burn.false_alerts * plan.slices)} false alerts "
        "a year expected"
    )


def _rare(number: float) -> str:
    return f"{number:.2g}" if number >= 0.001 else "less than 0.001"


def _amount(number: float, plan: FilePlan) -> str:
    return f"{_number(number)} {plan.counted}"


def _number(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _points(points: float, plan: FilePlan) -> str:
    return f"{points:.2g} points" if plan.unit != " %" else f"{points:.2g} percentage points"


def _days(days: float) -> str:
    """Return a length of time in the largest unit that it fills."""
    for name, seconds in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        amount = days * 86_400 / seconds
        if amount >= 1.95:
            return f"{amount:,.0f} {name}" if amount >= 10 else f"{amount:.2g} {name}"
    return f"{days * 86_400:.0f} seconds"
