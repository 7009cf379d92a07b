"""Where the head of an INSERT ends and its data begin.

The engine takes the data of `INSERT … FORMAT X` as a stream, apart from the statement; `VALUES` and `SELECT` stay text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.local.clickhouse.errors import Code, refusal
from agents.local.clickhouse.lexer import END, Token, tokens

_DATA = re.compile(rb"[ \t\f]*\r?\n?")


@dataclass(frozen=True)
class InsertHead:
    """`INSERT INTO … FORMAT name` cut in parts; the data are the full text from `data_at` on.

    Attributes:
        target: Up to the columns: all that stands before `settings`.
        settings: `SETTINGS …`; empty if there are none.
    """

    target: str
    settings: str
    format: str
    data_at: int

    @property
    def statement(self) -> str:
        """All that stands before `FORMAT`."""
        return self.target + self.settings


def insert_head(text: bytes) -> InsertHead | None:
    """Return the head of an `INSERT … FORMAT name data`, or None when `text` is anything else.

    Raises:
        StatementError: `FROM INFILE`, which would read files of this machine past every grant.

    Example:
        >>> insert_head(b"INSERT INTO t (a) FORMAT CSV 1")
        InsertHead(target='INSERT INTO t (a) ', settings='', format='CSV', data_at=29)
    """
    found = tokens(text)
    if not next(found, END).is_word(b"INSERT"):
        return None
    return _find_format(text, found)


def _find_format(text: bytes, found: Iterator[Token]) -> InsertHead | None:
    depth, may_be_name, settings = 0, False, END
    for token in found:
        depth += token.is_sign(b"(") - token.is_sign(b")")
        if depth == 0 and not may_be_name:
            if token.is_word(b"FORMAT"):
                return _cut(text, settings if settings is not END else token, token, next(found, END))
            if token.is_word(b"SETTINGS"):
                settings = token
            if token.is_word(b"INFILE"):
                raise refusal(Code.ACCESS_DENIED, "FROM INFILE is not allowed over HTTP.")
            if token.is_word(b"SELECT", b"WITH", b"VALUES"):
                return None  # no stream of data follows
        # The word after INTO, TABLE, FUNCTION or a dot is a name, even if it reads like a keyword.
        may_be_name = token.is_word(b"INTO", b"TABLE", b"FUNCTION") or token.is_sign(b".")
    return None


def _cut(text: bytes, settings: Token, keyword: Token, name: Token) -> InsertHead | None:
    form = text[name.start : name.end].decode(errors="replace")
    if not name.is_word() or form.upper() == "VALUES":
        return None
    data = _DATA.match(text, name.end)
    assert data is not None, "the pattern matches the empty string"
    target, rest = text[: settings.start], text[settings.start : keyword.start]
    return InsertHead(target.decode(errors="replace"), rest.decode(errors="replace"), form, data.end())
