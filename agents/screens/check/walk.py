"""The parts of a dashboard's JSON, each with a name for messages."""

from collections.abc import Iterator, Mapping
from typing import Any

from agents.screens.panels import PLUGIN

Model = Mapping[str, Any]


def panels(model: Model) -> Iterator[tuple[str, Model]]:
    """Yield every panel with its name."""
    for panel in model.get("panels", ()):
        title = panel.get("title") or f"panel {panel.get('id')}"
        yield f"{model.get('uid')}: {title}", panel


def notes(model: Model) -> Iterator[tuple[str, Model]]:
    """Yield every annotation query with its name."""
    for note in model.get("annotations", {}).get("list", ()):
        yield f"{model.get('uid')}: annotation {note.get('name')}", note


def variables(model: Model) -> Iterator[tuple[str, Model]]:
    """Yield every variable with its name."""
    for variable in model.get("templating", {}).get("list", ()):
        yield f"{model.get('uid')}: variable {variable.get('name')}", variable


def queries(model: Model) -> Iterator[tuple[str, Model]]:
    """Yield every query of panels, annotations and variables with the name of its owner."""
    for where, panel in panels(model):
        yield from ((where, target) for target in panel.get("targets", ()))
    yield from ((where, note.get("target", {})) for where, note in notes(model))
    yield from ((where, one["query"]) for where, one in variables(model) if one.get("type") == "query")


def is_sql(query: Model) -> bool:
    """Say whether a query asks ClickHouse."""
    return bool(query.get("datasource", {}).get("type") == PLUGIN)


def everything(value: object) -> Iterator[Model]:
    """Yield every object in a value, from the outside in."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everything(child)


def is_wall(model: Model) -> bool:
    """Say whether the screen hangs on a wall."""
    return "wall" in model.get("tags", ())
