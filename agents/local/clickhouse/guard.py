"""What a read-only user may send, on top of the grants that the engine checks.

The grants keep a reader out of every database but its own. They do not cover functions, of which some read files or
tell of the machine, the system tables, nor `INTO OUTFILE`; this does. The text is judged as the engine itself writes
and cuts it (`formatQuerySingleLine`, `tokenizeQuery`), so comments, quoting and escapes hide nothing. Deny by default:
of the functions that the engine has, a reader has those that `functions.py` lets through.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import orjson

from agents.local.clickhouse.breadth import MAX_PARTS, parts
from agents.local.clickhouse.engine import Engine, Session
from agents.local.clickhouse.errors import Code, StatementError, refusal
from agents.local.clickhouse.functions import denied_functions, table_function_names

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
    {"format", "generate_series", "generateseries", "null", "numbers", "numbers_mt", "values", "zeros", "zeros_mt"}
)
_REMEMBERED, _REMEMBERED_LENGTH = 1000, 10_000
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*\Z")

_CUT = "WITH formatQuerySingleLine({text:String}) AS line SELECT line, tokenizeQuery(line) FORMAT JSONCompact"
_RELATIONS = "SELECT name FROM system.tables WHERE database = currentDatabase() FORMAT JSONCompact"


@dataclass(frozen=True)
class Token:
    """One token as the engine cuts it; `name` is the identifier it stands for, or empty."""

    text: str
    name: str


_END = Token("", "")


class Guard:
    """Judges statements of readers; remembers the latest short ones that it let through.

    Args:
        engine: Asked once for its functions.
    """

    def __init__(self, engine: Engine) -> None:
        session = engine.open_session()
        try:
            self._called = table_function_names(session) - _TABLE_FUNCTIONS
            self._named = denied_functions(session)
        finally:
            session.close()
        self._passed: OrderedDict[str, bool] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, session: Session, text: str, parameters: Mapping[str, str]) -> None:
        """Return if a reader may send `text`.

        Args:
            session: A reader's session; cuts the text and runs nothing of it.
            text: The statement.
            parameters: Its parameters; some become names.

        Raises:
            StatementError: What is not allowed, or that the text does not parse.
        """
        with self._lock:
            names_parameters = self._passed.get(text)
        if names_parameters is None:
            names_parameters = self._judge(session, text)
            self._remember(text, names_parameters)
        if names_parameters:
            _check_names(parameters, self._named | self._called)

    def _judge(self, session: Session, text: str) -> bool:
        """Check all but the parameters; return whether any of them becomes a name."""
        tokens = _cut(session, text)
        _check_kind([token.text for token in tokens[:3]])
        _check_words(tokens)
        _check_catalogues(tokens)
        self._check_functions(tokens)
        _check_breadth(session, tokens)
        return any(token.name.lower() == "identifier" for token in tokens)

    def _remember(self, text: str, names_parameters: bool) -> None:
        if len(text) > _REMEMBERED_LENGTH:
            return
        with self._lock:
            self._passed[text] = names_parameters
            if len(self._passed) > _REMEMBERED:
                self._passed.popitem(last=False)

    def _check_functions(self, tokens: Sequence[Token]) -> None:
        for token, after in pairwise([*tokens, _END]):
            name = token.name.lower()
            if name in self._named or (name in self._called and after.text == "("):
                raise _denied(f"the function {name}")


def _cut(session: Session, text: str) -> list[Token]:
    kind = session.kind(text)
    if kind.statements > 1:
        raise refusal(Code.SYNTAX_ERROR, "Multi-statements are not allowed.")
    if kind.statements == 1 and not kind.is_read_only:
        raise _readonly()
    found = session.query(_CUT, parameters={"text": _escape(text)})
    line, tokens = orjson.loads(found.body)["data"][0]
    return list(_named_tokens(line.encode(), tokens))


def _denied(what: str) -> StatementError:
    return refusal(Code.ACCESS_DENIED, f"default: Not enough privileges: {what} is not for read-only users.")


def _readonly() -> StatementError:
    return refusal(Code.READONLY, "Cannot execute query in readonly mode.")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def _named_tokens(line: bytes, tokens: Iterable[Mapping[str, str | int]]) -> Iterable[Token]:
    for token in tokens:
        text = line[int(token["begin"]) : int(token["end"])].decode()
        if token["type"] == "QuotedIdentifier":
            # The engine's formatter resolves escapes of letters; a name that still has one is on no list.
            yield Token(text, text[1:-1])
        elif token["type"] not in ("Whitespace", "Comment"):
            yield Token(text, text if token["type"] == "BareWord" else "")


def _check_kind(words: Sequence[str]) -> None:
    first, second, third = (*words, "", "", "")[:3]
    allowed = (
        first in ("SELECT", "WITH", "(", "DESCRIBE", "EXISTS")
        or (first == "SHOW" and (second in _SHOW or (second == "CREATE" and third in _SHOW_CREATE)))
        or (first == "EXPLAIN" and second in _EXPLAIN)
    )
    if not allowed:
        raise _readonly()


def _check_words(tokens: Sequence[Token]) -> None:
    for token, name, sign in zip(tokens, [*tokens[1:], _END], [*tokens[2:], _END, _END], strict=False):
        word = token.text.upper()
        if word == "OUTFILE":
            raise _denied("INTO OUTFILE")
        if word == "SETTINGS" and name.name and sign.text == "=":
            raise refusal(Code.READONLY, f"Cannot modify '{name.name}' setting in readonly mode.")


def _check_catalogues(tokens: Sequence[Token]) -> None:
    is_show = tokens[0].text == "SHOW"
    for token, after, table in zip(tokens, [*tokens[1:], _END], [*tokens[2:], _END, _END], strict=False):
        name = token.name.lower()
        is_qualifier = after.text == "."
        if name == "system" and not (is_qualifier and table.name in _SYSTEM_TABLES):
            raise _denied("this table of the database system")
        if name == "information_schema" and not (is_qualifier and table.name.lower() in _INFORMATION_SCHEMA):
            raise _denied("this table of the database information_schema")
        if name in _RESTRICTED and (is_qualifier or is_show):
            raise _denied(f"the database {name}")


def _check_breadth(session: Session, tokens: Sequence[Token]) -> None:
    rows = orjson.loads(session.query(_RELATIONS).body)["data"]
    if parts(tokens, [name for (name,) in rows]) > MAX_PARTS:
        text = f"The statement comes to more than {MAX_PARTS} relations and lambdas when all names are put in."
        raise refusal(Code.TOO_DEEP_SUBQUERIES, text)


def _check_names(parameters: Mapping[str, str], functions: frozenset[str]) -> None:
    """Check parameters of a statement that uses some as names: `{x:Identifier}`."""
    forbidden = functions | _RESTRICTED | {"system", "information_schema"}
    for value in parameters.values():
        if not _PLAIN_NAME.match(value) or value.lower() in forbidden:
            raise _denied("this value of an Identifier parameter")
