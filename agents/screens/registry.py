"""All dashboards: one line each. The name is the file's name in `grafana/dashboards/`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from agents.screens import targets
from agents.screens.dashboard import Dashboard, render

FOLDER = Path(__file__).resolve().parents[2] / "grafana" / "dashboards"

SCREENS: Mapping[str, Callable[[], Dashboard]] = {"targets": targets.build}


def files(folder: Path = FOLDER) -> dict[Path, str]:
    """Return what each generated file must hold."""
    return {folder / f"{name}.json": render(build()) for name, build in SCREENS.items()}
