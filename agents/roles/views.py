"""The public views as the migrations make them: names, columns, parameters and comments, read from the SQL."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_VIEW = re.compile(
    r"CREATE OR REPLACE VIEW \$\{public\}\.(?P<name>\w+)\n\(\n(?P<columns>.*?)\n\)\n"
    r"DEFINER = CURRENT_USER SQL SECURITY DEFINER\n(?P<body>.*?)\nCOMMENT '(?P<comment>(?:[^'\\]|''|\\.)*)'\s*\Z",
    re.DOTALL,
)
_COLUMN = re.compile(r"\s*(?P<name>\w+) (?P<rest>.+?),?\Z")
_PARAMETER = re.compile(r"\{(\w+):((?:[^{}'(]|\([^()]*\))+)\}")


@dataclass(frozen=True, kw_only=True)
class View:
    """One public view.

    Attributes:
        columns: Name -> type and comment, as they stand in the SQL.
        parameters: Name -> type; empty for a plain view.
        comment: In words, as it stands in the SQL.
    """

    name: str
    columns: dict[str, str]
    parameters: dict[str, str]
    comment: str


def public_views(statements: Iterable[str]) -> list[View]:
    """Return the public views in the newest form of each, by name.

    Args:
        statements: Of all migrations in order, with `${public}` not yet put in.
    """
    found = (_VIEW.match(statement) for statement in statements)
    newest = {match["name"]: _view(match) for match in found if match}
    return [newest[name] for name in sorted(newest)]


def _view(match: re.Match[str]) -> View:
    columns = (_COLUMN.match(line) for line in match["columns"].splitlines())
    return View(
        name=match["name"],
        columns={column["name"]: column["rest"] for column in columns if column},
        parameters=dict(_PARAMETER.findall(match["body"])),
        comment=match["comment"],
    )
