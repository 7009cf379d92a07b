"""A role's own database: the public views again, with the rows of its scope only.

Each is a definer's view, so its reader needs no right on anything below. What is outside of the scope is emptied before
it is left out, as ClickHouse may evaluate a reader's condition before the WHERE of a view: an error must tell nothing
of it.
"""

import hashlib
from collections.abc import Iterable, Sequence

from agents.roles.table import Scope
from agents.roles.views import View
from streams.errors import ConfigError

PRUNED_BY = frozenset({"window_start", "metric"})
"""Columns that stay as they are in every row: by them ClickHouse skips telemetry that is not asked for."""


def scope_statements(views: Iterable[View], scope: Scope, *, public: str, database: str) -> list[str]:
    """Return the statements that make the views of a scope.

    Args:
        views: The public views.
        scope: What may be seen of them.
        public: Database of the public views.
        database: Database of the scope.

    Raises:
        ConfigError: A public view of which it is not known what belongs to a scope.
    """
    return [_statement(view, scope, public, database) for view in views]


def checksum(statements: Sequence[str]) -> str:
    """Return what tells one set of statements from another; hex."""
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()


def _statement(view: View, scope: Scope, public: str, database: str) -> str:
    columns = ",\n".join(f"    {name} {rest}" for name, rest in view.columns.items())
    chosen = ",\n".join(f"    {_masked(name, scope)} AS {name}" for name in view.columns)
    arguments = ", ".join(f"{name} = {{{name}:{kind}}}" for name, kind in view.parameters.items())
    source = f"{quoted(public)}.{view.name}" + (f"({arguments})" if arguments else "")
    return (
        f"CREATE OR REPLACE VIEW {quoted(database)}.{view.name}\n(\n{columns}\n)\n"  # noqa: S608 - quoted above
        "DEFINER = CURRENT_USER SQL SECURITY DEFINER\n"
        f"AS SELECT\n{chosen}\n"
        f"FROM (SELECT *, {condition(view, scope, public)} AS is_in_scope FROM {source}) AS v\n"
        f"WHERE is_in_scope\nCOMMENT '{view.comment}'"
    )


def _masked(column: str, scope: Scope) -> str:
    empty = f"defaultValueOfArgumentType(v.{column})"
    if column == "coincidences" and (scope.countries or scope.services):
        return empty  # what happened around may have happened in other places
    return f"v.{column}" if column in PRUNED_BY else f"if(is_in_scope, v.{column}, {empty})"


def condition(view: View, scope: Scope, public: str) -> str:
    """Return the SQL condition that a row of a public view is within a scope.

    Raises:
        ConfigError: It is not known for this view.
    """
    tenant = _one_of("tenant", scope.tenants)
    if view.name == "data_quality":  # how old the figures are concerns everybody
        return f"({tenant} OR tenant = '' AND measure = 'age_s')"
    places = {"country": scope.countries, "service": scope.services}
    wanted = {name: values for name, values in places.items() if values}
    if not wanted:
        return tenant
    if view.name == "response_rates":  # of the whole tenant, so of no single place
        return f"{tenant} AND 0"
    return " AND ".join([tenant, *_places(view, wanted, scope, public)])


def _places(view: View, wanted: dict[str, tuple[str, ...]], scope: Scope, public: str) -> list[str]:
    if view.name == "changes":  # one without a place is everywhere
        return [_one_of(name, ("", *values)) for name, values in wanted.items()]
    if view.name == "verdicts":
        slices = [_one_of(f"slice['{name}']", values) for name, values in wanted.items()]
        known = " AND ".join([_one_of("tenant", scope.tenants), *slices])
        return [f"(tenant, target) IN (SELECT tenant, target FROM {quoted(public)}.targets WHERE {known})"]  # noqa: S608 - literals
    if "slice" in view.columns:
        return [_one_of(f"slice['{name}']", values) for name, values in wanted.items()]
    if "slice" in view.parameters:
        chosen = f"{{slice:{view.parameters['slice']}}}"
        return [_one_of(f"{chosen}['{name}']", values) for name, values in wanted.items()]
    if {"dimension", "value"} <= view.columns.keys():
        return [f"dimension = '{name}' AND {_one_of('value', values)}" for name, values in wanted.items()]
    if {"country", "service"} <= view.columns.keys():
        return [_one_of(name, values) for name, values in wanted.items()]
    raise ConfigError(f"view {view.name}: nothing says which of its rows belong to a country or service")


def _one_of(expression: str, values: Sequence[str]) -> str:
    return f"{expression} IN ({', '.join(literal(value) for value in values)})" if values else "1"


def literal(text: str) -> str:
    """Return a string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted(name: str) -> str:
    """Return a quoted identifier; for names of our own."""
    return f"`{name}`"
