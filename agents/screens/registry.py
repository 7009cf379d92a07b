"""All dashboards: one line each. The name is the file's name in `grafana/dashboards/`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from agents.screens import devices, on_call, pipeline, quality, slice, target, targets, wall  # noqa: A004 - its name
from agents.screens.dashboard import Dashboard, render

FOLDER = Path(__file__).resolve().parents[2] / "grafana" / "dashboards"

SCREENS: Mapping[str, Callable[[], Dashboard]] = {
    "wall-1-now": wall.targets_now,
    "wall-2-why": wall.worst_and_why,
    "wall-3-where": wall.where,
    "wall-4-changed": wall.what_changed,
    "targets": targets.build,
    "target": target.build,
    "slice": slice.build,
    "devices": devices.build,
    "on-call": on_call.build,
    "quality": quality.build,
    "pipeline": pipeline.build,
}


def files(folder: Path = FOLDER) -> dict[Path, str]:
    """Return what each generated file must hold."""
    return {folder / f"{name}.json": render(build()) for name, build in SCREENS.items()}
