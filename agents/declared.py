"""What people declare in files: the metric catalogue, release rules and targets. Read here, judged in `streams`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from agents.settings import ROOT, Settings
from streams.blocks import Rule, rule_of
from streams.catalogue import Catalogue, parse_catalogue
from streams.cohorts import CohortRule, cohort_rule_of
from streams.errors import ConfigError, TargetError
from streams.release_rules import Rules, cohort_rules, read_deadlines, read_release_file
from streams.targets import Stamp, TargetFile, read_target_file

TARGETS = ROOT / "infra" / "targets"


def target_files(folder: Path = TARGETS) -> list[Path]:
    """Return the target files of a folder, by name.

    Raises:
        TargetError: There are none.
    """
    found = sorted(folder.glob("*.yaml"))
    if not found:
        raise TargetError(f"{folder}: no target file; allowed: *.yaml")
    return found


def read_target_files(files: Sequence[Path], catalogue: Catalogue) -> list[TargetFile]:
    """Return the checked files.

    Raises:
        ConfigError: One cannot be read or judged.
    """
    metrics = {name: metric.group_by for name, metric in catalogue.metrics.items() if metric.good is not None}
    return [read_target_file(_text(path), source=str(path), metrics=metrics) for path in files]


def read_catalogue(settings: Settings) -> Catalogue:
    """Return the metric catalogue that the settings name.

    Raises:
        ConfigError: It cannot be read or is wrong.
    """
    return parse_catalogue(_text(Path(settings.catalogue_file)), source=settings.catalogue_file)


def read_release_rules(settings: Settings) -> Rules[Rule]:
    """Return the release rule of each tenant: that of the profile, or what the settings' file says.

    Raises:
        ConfigError: The file cannot be read or is wrong.
    """
    text = _text(Path(settings.release_file))
    return read_release_file(text, source=settings.release_file, usual=rule_of(settings.time_profile()))


def read_cohort_rules(settings: Settings, blocks: Rules[Rule]) -> Rules[CohortRule]:
    """Return the rule of cohorts of each tenant: that of the profile, or what the settings' file says.

    Raises:
        ConfigError: The file cannot be read or is wrong.
    """
    deadlines_ms = read_deadlines(_text(Path(settings.release_file)), source=settings.release_file)
    return cohort_rules(cohort_rule_of(settings.time_profile(), blocks.usual), blocks, deadlines_ms)


def stamp_now(author: str, reason: str) -> Stamp:
    """Return a stamp of this moment."""
    now_ms = int(time.time() * 1000)
    return Stamp(valid_from_ms=now_ms, recorded_at_ms=now_ms, author=author, reason=reason)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {type(error).__name__}") from error
