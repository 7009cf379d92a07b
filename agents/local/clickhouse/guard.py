"""What a read-only user may send, on top of the grants that the engine checks.

The grants keep a reader out of every database but `xpulse_pub`. They do not cover the scalar function `file()`, the
system tables, nor `INTO OUTFILE`; this does. The text is judged as the engine itself writes and cuts it
(`formatQuerySingleLine`, `tokenizeQuery`), so comments, quoting and escapes hide nothing. Deny by default.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import orjson

from agents.local.clickhouse.engine import Engine
from agents.local.clickhouse.errors import Code, StatementError, refusal

_SHOW = {"DATABASES", "TABLES", "COLUMNS", "FULL", "FUNCTIONS", "SETTINGS"}
_SHOW_CREATE = {"TABLE", "VIEW", "DATABASE"}
_EXPLAIN = {"AST", "SYNTAX"}  # the others count rows of tables behind the views
_SYSTEM_TABLES = frozenset(
    [
        "aggregate_function_combinators",
        "build_options",
        "collations",
        "columns",
        "contributors",
        "current_roles",
        "data_type_families",
        "database_engines",
        "databases",
        "enabled_roles",
        "formats",
        "functions",
        "keywords",
        "licenses",
        "numbers",
        "numbers_mt",
        "one",
        "settings",
        "table_engines",
        "table_functions",
        "tables",
        "time_zones",
        "zeros",
        "zeros_mt",
    ]
)
_INFORMATION_SCHEMA = frozenset(
    {"tables", "columns", "schemata", "key_column_usage", "referential_constraints", "statistics"}
)
_RESTRICTED = frozenset({"xpulse", "default"})
_TABLE_FUNCTIONS = frozenset(
    {"numbers", "numbers_mt", "zeros", "zeros_mt", "generateseries", "generate_series", "values", "null"}
)
# Scalar functions that read files, call other machines or only burn time.
_FUNCTIONS = frozenset({"file", "eval", "catboostevaluate", "logtrace", "sleep", "sleepeachrow", "showcertificate"})
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*\Z")

_CUT = "WITH formatQuerySingleLine({text:String}) AS line SELECT line, tokenizeQuery(line) FORMAT JSONCompact"
_NAMES = (
    "SELECT name, 1 FROM system.table_functions UNION ALL "
    "SELECT name, 0 FROM system.functions WHERE startsWith(lower(name), 'ai') AND (categories = 'AI' OR alias_to != '')"
    " FORMAT JSONCompact"
)


@dataclass(frozen=True)
class Token:
    """One token as the engine cuts it; `name` is the identifier it stands for, or empty."""

    text: str
    name: str


class Guard:
    """Judges statements of readers; keeps the verdicts of the latest 1,000 texts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        table_functions, functions = _function_names(engine)
        self._called = table_functions - _TABLE_FUNCTIONS
        self._named = functions | _FUNCTIONS
        self._cut = lru_cache(maxsize=1000)(self._cut_text)

    def check(self, text: str, parameters: Mapping[str, str]) -> None:
        """Return if a reader may send `text`.

        Raises:
            StatementError: What is not allowed, or that the text does not parse.
        """
        tokens = self._cut(text)
        _check_kind([token.text for token in tokens[:3]])
        _check_catalogues(tokens)
        self._check_functions(tokens)
        _check_parameters(tokens, parameters, self._named | self._called)

    def _cut_text(self, text: str) -> tuple[Token, ...]:
        session = self._engine.open_session()
        try:
            if (count := session.kind(text).statements) > 1:
                raise refusal(Code.SYNTAX_ERROR, "Multi-statements are not allowed.")
            found = session.query(_CUT, parameters={"text": _escape(text)})
            if count == 1 and session.kind(text).is_control:
                raise refusal(Code.READONLY, "Cannot execute query in readonly mode.")
        finally:
            session.close()
        line, tokens = orjson.loads(found.body)["data"][0]
        return tuple(_named_tokens(line.encode(), tokens))

    def _check_functions(self, tokens: Sequence[Token]) -> None:
        following = [*(token.text for token in tokens[1:]), ""]
        for token, after in zip(tokens, following, strict=True):
            name = token.name.lower()
            if name in self._named or (name in self._called and after == "("):
                raise _denied(f"the function {name}")


def _denied(what: str) -> StatementError:
    return refusal(Code.ACCESS_DENIED, f"default: Not enough privileges: {what} is not for read-only users.")


def _function_names(engine: Engine) -> tuple[frozenset[str], frozenset[str]]:
    session = engine.open_session()
    try:
        rows = orjson.loads(session.query(_NAMES).body)["data"]
    finally:
        session.close()
    tables = frozenset(name.lower() for name, is_table in rows if is_table)
    return tables, frozenset(name.lower() for name, is_table in rows if not is_table)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def _named_tokens(line: bytes, tokens: Iterable[Mapping[str, str | int]]) -> Iterable[Token]:
    for token in tokens:
        text = line[int(token["begin"]) : int(token["end"])].decode()
        if token["type"] == "QuotedIdentifier":
            yield Token(text, _unquote(text))
        elif token["type"] not in ("Whitespace", "Comment"):
            yield Token(text, text if token["type"] == "BareWord" else "")


def _unquote(text: str) -> str:
    # The engine's formatter writes only these escapes that could stand for a letter of a name: none. A backslash left
    # here therefore belongs to a name that is on no list.
    return text[1:-1]


def _check_kind(words: Sequence[str]) -> None:
    first, second, third = (*words, "", "", "")[:3]
    allowed = (
        first in ("SELECT", "WITH", "(", "DESCRIBE", "EXISTS")
        or (first == "SHOW" and (second in _SHOW or (second == "CREATE" and third in _SHOW_CREATE)))
        or (first == "EXPLAIN" and second in _EXPLAIN)
    )
    if not allowed:
        raise refusal(Code.READONLY, "Cannot execute query in readonly mode.")


def _check_catalogues(tokens: Sequence[Token]) -> None:
    padded = [*tokens, Token("", ""), Token("", "")]
    for token, after, table in zip(tokens, padded[1:], padded[2:], strict=False):
        name = token.name.lower()
        is_qualifier = after.text == "."
        if name == "system" and not (is_qualifier and table.name in _SYSTEM_TABLES):
            raise _denied("this table of the database system")
        if name == "information_schema" and not (is_qualifier and table.name.lower() in _INFORMATION_SCHEMA):
            raise _denied("this table of the database information_schema")
        if name in _RESTRICTED and is_qualifier:
            raise _denied(f"the database {name}")


def _check_parameters(tokens: Sequence[Token], parameters: Mapping[str, str], functions: frozenset[str]) -> None:
    """Check values that become names: `{x:Identifier}`."""
    if all(token.name.lower() != "identifier" for token in tokens):
        return
    forbidden = functions | _RESTRICTED | {"system", "information_schema"}
    for value in parameters.values():
        if not _PLAIN_NAME.match(value) or value.lower() in forbidden:
            raise _denied("this value of an Identifier parameter")
