"""`xpulse targets backtest`: what changed targets would have made of the past."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from agents.backtest import backtest, replay, were_raised
from agents.cli.targets.looking import print_table
from agents.cli.targets.options import AsJson, Data, Files, Tenant
from agents.cli.targets.reach import known_values, profile_in_force, running_settings, tenant_of
from agents.declared import read_catalogue, read_target_files, target_files
from agents.judge_news import Grid
from agents.judge_store import JudgeStore
from agents.processes import warehouse
from agents.settings import Settings
from streams.errors import ConfigError
from streams.events.judging import Target
from streams.judging.verdicts import Ruler
from streams.plan.backtest import Backtest, Label, Raised, Score
from streams.plan.drawing import svg, timeline
from streams.plan.truth import instant, read_labels
from streams.profile import PROFILES, Profile
from streams.targets import Stamp, TargetFile, expand

EXAMPLES = """\b
Examples:
  xpulse targets backtest mine.yaml --tenant acme --from 2026-03-01 --to 2026-04-01
  xpulse targets backtest mine.yaml --tenant acme --from 2026-03-01 --truth outages.csv --plot march.svg
"""


def run(
    files: Files = None,
    since: Annotated[str, typer.Option("--from", help="Beginning, e.g. 2026-03-01 or 2026-03-01T08:00, UTC.")] = "",
    until: Annotated[str, typer.Option("--to", help="End; none = now.")] = "",
    tenant: Tenant = "",
    truth: Annotated[
        Path | None, typer.Option(help="CSV of what is known to have been wrong: target,from,until.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Also write a picture to this file, as SVG.")] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Replay what is stored through changed target files; writes nothing.

    Released blocks and closed windows go through the judge's own rounds, as if the files had been published at
    --from, and the alerts that this raises are shown beside those that were raised then. It starts from nothing:
    choose --from at the beginning of a period, well before what you look for. Windows of telemetry are there for
    as long as they are kept in full.

    With --truth it also counts, for both, what was found, how soon, and how many alerts were false. A target in that
    file is an id, or the id of a file for all of its slices.
    """
    settings = running_settings(data)
    specs = read_target_files(files or target_files(), read_catalogue(settings))
    from_ms, until_ms = _time(since, until)
    labels = _labels(truth)
    found = _backtest(settings, specs, tenant_of(specs, tenant), (from_ms, until_ms), labels)
    if plot is not None:
        _write(plot, svg(found))
    print(json.dumps(msgspec.to_builtins(found), indent=2) if as_json else _text(found))
    if not as_json:
        _print_pairs(found)


def _backtest(
    settings: Settings, specs: list[TargetFile], tenant: str, span: tuple[int, int], labels: list[Label]
) -> Backtest:
    store, (from_ms, until_ms) = warehouse(settings), span
    profile = PROFILES[profile_in_force(settings)]
    stamp = Stamp(valid_from_ms=from_ms, recorded_at_ms=from_ms, author="backtest", reason="replayed")
    values = known_values(settings, tenant)
    targets: list[Target] = [
        target
        for spec in specs
        for target in expand(spec, tenant=tenant, profile=profile.name, values=values, stamp=stamp)
    ]
    replayed = replay(targets, JudgeStore(store), until_ms, _grid(profile))
    was = were_raised(store, tenant, {spec.id for spec in specs}, from_ms, until_ms)
    return backtest(targets, replayed, was, until_ms, labels)


def _grid(profile: Profile) -> Grid:
    return Grid(
        epochs=Ruler(unit_ms=profile.epoch_ms, per_observation=profile.k),
        windows=Ruler(unit_ms=profile.window_ms, per_observation=1),
        bundles=Ruler(unit_ms=profile.epoch_ms, per_observation=profile.bundle_people),
    )


def _time(since: str, until: str) -> tuple[int, int]:
    from_ms = instant(since, where="--from")
    until_ms = instant(until, where="--to") if until else int(time.time() * 1000)
    if until_ms <= from_ms:
        raise ConfigError("--to: the end must lie after the beginning, --from")
    return from_ms, until_ms


def _labels(truth: Path | None) -> list[Label]:
    if truth is None:
        return []
    try:
        return read_labels(truth.read_text(encoding="utf-8"), source=str(truth))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{truth}: cannot be read: {type(error).__name__}") from error


def _write(plot: Path, text: str) -> None:
    try:
        plot.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{plot}: cannot be written: {type(error).__name__}") from error


def _text(found: Backtest) -> str:
    judged, span = sum(found.judged.values()), f"{_instant(found.from_ms)} to {_instant(found.until_ms)}"
    lines = [
        f"{found.tenant}: {len(found.judged)} targets, {judged:,} verdicts from {span}",
        f"would be raised: {_counted(found.would)}; were raised: {_counted(found.was)}",
    ]
    lines += [f"{word}: {_compared(score)}" for word, score in found.scores.items()]
    return "\n".join([*lines, *timeline(found)])


def _counted(episodes: list[Raised]) -> str:
    explained = sum(not one.calls for one in episodes)
    return f"{len(episodes) - explained} alerts" + (f" and {explained} that another one explains" if explained else "")


def _compared(score: Score) -> str:
    delay = "" if score.delay_ms is None else f", after {score.delay_ms / 3_600_000:.1f} hours in the median"
    return f"{score.found} of {score.labels} found{delay}; {score.right} alerts right, {score.false} false"


def _print_pairs(found: Backtest) -> None:
    table = Table("target", "kind", "would be raised", "was raised")
    for pair in found.pairs:
        one = pair.would or pair.was
        if one is not None:
            table.add_row(one.target, one.kind, _shown(pair.would), _shown(pair.was))
    print_table(table)


def _shown(one: Raised | None) -> str:
    if one is None:
        return "–"
    end = "open" if one.until_ms is None else _instant(one.until_ms)
    return f"{_instant(one.from_ms)} to {end}" + ("" if one.calls else " (explained)")


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M")
