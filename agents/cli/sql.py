"""`xpulse sql "SELECT …"`: one statement, its answer as a table, as JSON or as CSV."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agents.warehouse.client import Address, WarehouseError, ask_raw, connect

READER = "default"
"""The user that needs no password and reads the public views only."""

NULL = "ᴺᵁᴸᴸ"
"""ClickHouse's own sign for NULL where everything is text."""

NUMERIC = ("Int", "UInt", "Float", "Decimal", "Nullable(Int", "Nullable(UInt", "Nullable(Float", "Nullable(Decimal")


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


CLICKHOUSE_FORMATS = {Format.TABLE: "JSONCompactStrings", Format.JSON: "JSONEachRow", Format.CSV: "CSVWithNames"}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the caller said about where to ask; None = not said."""

    host: str | None
    port: int | None
    user: str
    password_file: Path | None
    data: Path | None


def command(locate: Callable[[Wanted], Address]) -> Callable[..., None]:
    """Return the typer command.

    Args:
        locate: Finds the address; raises ConfigError if it cannot be found.
    """

    def sql(
        statement: Annotated[str, typer.Argument(help="One statement; - reads it from standard input.")],
        form: Annotated[Format, typer.Option("--format", help="How to print the answer.")] = Format.TABLE,
        host: Annotated[str | None, typer.Option(help="ClickHouse host.")] = None,
        port: Annotated[int | None, typer.Option(help="ClickHouse port, HTTP interface.")] = None,
        user: Annotated[str, typer.Option(help="ClickHouse user; this one reads the public views.")] = READER,
        password_file: Annotated[Path | None, typer.Option(help="File that holds the user's password.")] = None,
        data: Annotated[Path | None, typer.Option(help="Data folder of a running `xpulse up`.")] = None,
    ) -> None:
        """Ask ClickHouse and print the answer."""
        wanted = Wanted(host=host, port=port, user=user, password_file=password_file, data=data)
        text = sys.stdin.read() if statement == "-" else statement
        print(answer(locate(wanted), text, form), end="")

    return sql


def answer(address: Address, statement: str, form: Format) -> str:
    """Return the printed answer of a statement.

    Raises:
        WarehouseError: Nobody answers, or the statement is refused.
    """
    try:
        client = connect(address.host, address.port, address.user, address.password, address.database)
    except WarehouseError as error:
        if error.code is not None:
            raise
        hint = f"{address.host}:{address.port}: {error}; is `xpulse up` running?"
        raise WarehouseError(hint, is_retryable=True) from error
    try:
        raw = ask_raw(client, statement, fmt=CLICKHOUSE_FORMATS[form])
    finally:
        client.close()
    return _print(raw.decode(errors="backslashreplace"), form)


def _print(text: str, form: Format) -> str:
    if form is Format.JSON:
        return _as_array(text)
    return _as_table(text) if form is Format.TABLE else text


def _as_array(text: str) -> str:
    """Return JSON lines as one array; whatever else came back (the statement had its own FORMAT) as it is."""
    lines = text.splitlines()
    if not all(line.startswith("{") for line in lines):
        return text
    return "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"


def _as_table(text: str) -> str:
    try:
        found = json.loads(text)
        columns = [(column["name"], column["type"]) for column in found["meta"]]
        rows = [[_shown(cell) for cell in row] for row in found["data"]]
    except (ValueError, KeyError, TypeError):
        return text  # nothing to show, or the statement had its own FORMAT
    return table(columns, rows)


def _shown(cell: str) -> str:
    """Return a cell on one line, without characters that a terminal would obey."""
    if cell == NULL:
        return "NULL"
    return cell if cell.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in cell)


def table(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> str:
    """Return rows under their names, numbers to the right, and the number of rows.

    Args:
        columns: Name and ClickHouse type.
        rows: One text per column.

    Example:
        >>> print(table([("country", "String"), ("n", "UInt64")], [["NO", "12"], ["SE", "7"]]), end="")
        country   n
        -------  --
        NO       12
        SE        7
        (2 rows)
    """
    names = [name for name, _ in columns]
    widths = [max(map(len, cells)) for cells in zip(names, *rows, strict=True)]
    to_right = [kind.startswith(NUMERIC) for _, kind in columns]
    lines = [names, ["-" * width for width in widths], *rows]
    printed = [_line(cells, widths, to_right) for cells in lines]
    return "\n".join([*printed, f"({len(rows)} row{'' if len(rows) == 1 else 's'})", ""])


def _line(cells: Sequence[str], widths: Sequence[int], to_right: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, to_right, strict=True)
    )
    return "  ".join(padded).rstrip()
