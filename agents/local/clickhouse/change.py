"""What nobody may send over HTTP, not even the writer."""

from agents.local.clickhouse.errors import Code, refusal
from agents.local.clickhouse.lexer import END, tokens

_NAMES_WITHIN = 60  # tokens; the names of the tables that a statement changes come first


def check_statement(text: str) -> None:
    r"""Return if `text` can be a statement at all.

    The engine brings an interactive client along, which would take `exit`, `\q` or `?? a question` as orders of its
    own and answer success.

    Raises:
        StatementError: One word alone, or something that begins with neither a word nor a bracket.
    """
    first, second = (*(token for token in tokens(text.encode()) if not token.is_sign(b";")), END, END)[:2]
    if not (first.is_word() or first.is_sign(b"(")) or second is END:
        raise refusal(Code.SYNTAX_ERROR, "Syntax error: not a statement.")


def check_change(text: str, *, is_control: bool) -> None:
    """Return if the writer may send `text`, a statement that does more than read.

    Args:
        text: The statement.
        is_control: Whether the engine classifies it as control: there `INTO OUTFILE` hides, which would write files
            of this machine.

    Raises:
        StatementError: `INTO OUTFILE`, or a table in the database `default`, which overlays the file system.
    """
    found = list(tokens(text.encode()))
    if is_control and any(token.is_word(b"OUTFILE") for token in found):
        raise refusal(Code.ACCESS_DENIED, "INTO OUTFILE is not allowed over HTTP.")
    first = found[:_NAMES_WITHIN]
    for token, dot, name in zip(first, first[1:], first[2:], strict=False):
        is_number = name.text[:1].isdigit()  # `DEFAULT .5`
        if token.is_name(b"DEFAULT") and dot.is_sign(b".") and not is_number:
            raise refusal(Code.ACCESS_DENIED, "The database default overlays the file system here; name another.")
