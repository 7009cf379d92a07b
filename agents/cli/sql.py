"""`xpulse sql "SELECT …"`: one statement or saved question, its answer as a table, JSON, CSV, Arrow or Parquet."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from agents.cli.saved import Saved, explained, fill, given, listed, pick, read_saved
from agents.warehouse.client import Address, WarehouseError, ask_raw, connect
from streams.errors import ConfigError

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
    ARROW = "arrow"
    PARQUET = "parquet"


CLICKHOUSE_FORMATS = {
    Format.TABLE: "JSONCompactStrings", Format.JSON: "JSONEachRow", Format.CSV: "CSVWithNames",
    Format.ARROW: "Arrow", Format.PARQUET: "Parquet",
}  # fmt: skip
FOR_MACHINES = (Format.ARROW, Format.PARQUET)
"""Not text: they go to a file."""
ALL = "all"
"""Name that stands for every saved question; they are asked `TIMES` times each, and the median is told."""
TIMES = 3
TENANTS = "SELECT DISTINCT tenant FROM targets ORDER BY tenant"


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

    def sql(  # noqa: PLR0913, PLR0917 - what to ask, how to print it, and where to ask
        statement: Annotated[
            str, typer.Argument(help="One statement (- reads it from standard input), or the name of a saved question.")
        ] = "",
        form: Annotated[Format, typer.Option("--format", help="How to print the answer.")] = Format.TABLE,
        saved: Annotated[
            bool, typer.Option("--saved", help="Ask a saved question; without a name: list them.")
        ] = False,
        values: Annotated[list[str] | None, typer.Option("-p", help="Value of a parameter: key=value.")] = None,
        explain: Annotated[bool, typer.Option("--explain", help="Say what a saved question asks.")] = False,
        timed: Annotated[
            bool, typer.Option("--time", help="Say how long the answer took; `--saved all` asks all.")
        ] = False,
        output: Annotated[Path | None, typer.Option(help="Write the answer to this file.")] = None,
        host: Annotated[str | None, typer.Option(help="ClickHouse host.")] = None,
        port: Annotated[int | None, typer.Option(help="ClickHouse port, HTTP interface.")] = None,
        user: Annotated[str, typer.Option(help="ClickHouse user; this one reads the public views.")] = READER,
        password_file: Annotated[Path | None, typer.Option(help="File that holds the user's password.")] = None,
        data: Annotated[Path | None, typer.Option(help="Data folder of a running `xpulse up`.")] = None,
    ) -> None:
        """Ask ClickHouse and print the answer.

        Saved questions are the files of infra/queries: `xpulse sql --saved` lists them, and
        `xpulse sql --saved country-by-day -p country=DE` asks one.
        """
        wanted = Wanted(host=host, port=port, user=user, password_file=password_file, data=data)
        if form in FOR_MACHINES and output is None:
            raise ConfigError(f"--format {form.value} is not for the screen; name a file: --output FILE")
        if saved and (not statement or explain):
            questions = read_saved()
            print(explained(pick(questions, statement)) if statement else listed(questions))
            return
        if not statement:
            raise ConfigError("no statement; allowed: one statement, - for standard input, or --saved")
        address, said = locate(wanted), given(values or ())
        if saved and statement == ALL:
            _ask_all(address, said)
            return
        text = sys.stdin.read() if statement == "-" else statement
        asked: Mapping[str, str] = said
        if saved:
            question = pick(read_saved(), statement)
            text, asked = question.sql, _filled(address, question, said)
        begun_s = time.monotonic()
        found = export(address, text, form, asked)
        _give(found, form, output)
        if timed:
            print(f"{1000 * (time.monotonic() - begun_s):.0f} ms", file=sys.stderr)

    return sql


def _filled(address: Address, question: Saved, said: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a question; the organisation is the only one that there is, unless one was named."""
    tenant = said.get("tenant", "")
    if not tenant:
        rows = json.loads(export(address, TENANTS, Format.TABLE))["data"]
        if len(rows) != 1:
            allowed = ", ".join(name for (name,) in rows) or "none is known yet"
            raise ConfigError(f"-p tenant=…: whose figures? allowed: {allowed}")
        tenant = rows[0][0]
    return fill(question, said, tenant=tenant, now_s=int(time.time()))


def _ask_all(address: Address, said: Mapping[str, str]) -> None:
    """Ask every saved question, those parameters filled in that it has, and print how long each took."""
    for question in read_saved().values():
        known = {"tenant", *(parameter.name for parameter in question.parameters)}
        asked = _filled(address, question, {name: value for name, value in said.items() if name in known})
        taken_ms, rows = [], []
        for _ in range(TIMES):
            begun_s = time.monotonic()
            rows = json.loads(export(address, question.sql, Format.TABLE, asked))["data"]
            taken_ms.append(1000 * (time.monotonic() - begun_s))
        print(f"{question.name:<30} {median(taken_ms):7.0f} ms {len(rows):6} rows", flush=True)


def _give(found: bytes, form: Format, output: Path | None) -> None:
    if output is None:
        print(_print(found.decode(errors="backslashreplace"), form), end="")
        return
    data = found if form in FOR_MACHINES else _print(found.decode(), form).encode()
    try:
        output.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"--output {output}: {error.strerror}") from error


def answer(address: Address, statement: str, form: Format, parameters: Mapping[str, str] | None = None) -> str:
    """Return the printed answer of a statement.

    Raises:
        WarehouseError: Nobody answers, or the statement is refused.
    """
    return _print(export(address, statement, form, parameters).decode(errors="backslashreplace"), form)


def export(address: Address, statement: str, form: Format, parameters: Mapping[str, str] | None = None) -> bytes:
    """Return the answer of a statement as ClickHouse writes it.

    Args:
        address: Where to ask.
        statement: One statement; `{name:Type}` stands for a parameter.
        form: How it is written; for tables as JSON.
        parameters: Name -> value.

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
        return ask_raw(client, statement, fmt=CLICKHOUSE_FORMATS[form], parameters=parameters)
    finally:
        client.close()


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
