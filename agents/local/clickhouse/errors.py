"""An error in ClickHouse's own words: code, message, HTTP status."""

import re

from streams.errors import XPulseError

SYNTAX_ERROR = 62
BAD_ARGUMENTS = 36
NOT_IMPLEMENTED = 48
UNKNOWN_DATABASE = 81
READONLY = 164
TOO_MANY_SIMULTANEOUS_QUERIES = 202
CANNOT_DECOMPRESS = 271
TOO_MANY_BYTES = 307
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516
UNKNOWN = 1002

NAMES = {
    SYNTAX_ERROR: "SYNTAX_ERROR",
    BAD_ARGUMENTS: "BAD_ARGUMENTS",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    UNKNOWN_DATABASE: "UNKNOWN_DATABASE",
    READONLY: "READONLY",
    TOO_MANY_SIMULTANEOUS_QUERIES: "TOO_MANY_SIMULTANEOUS_QUERIES",
    CANNOT_DECOMPRESS: "CANNOT_DECOMPRESS",
    TOO_MANY_BYTES: "TOO_MANY_BYTES",
    ACCESS_DENIED: "ACCESS_DENIED",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    UNKNOWN: "UNKNOWN_EXCEPTION",
}

# Source: exceptionCodeToHTTPStatus in ClickHouse's src/Server/HTTPHandler.cpp.
_BAD_REQUEST = (6, 25, 26, 27, 36, 38, 41, 53, 62, 65, 66, 69, 72, 117, 167, 168, 223, 376, 386, 427, 441, 457, 675, 676)
_NOT_FOUND = (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 321, 336)
_STATUS = {
    **dict.fromkeys(_BAD_REQUEST, 400),
    194: 401,
    **dict.fromkeys((192, 193, 497, 512, 516), 403),
    **dict.fromkeys(_NOT_FOUND, 404),
    159: 408,
    160: 408,
    TOO_MANY_BYTES: 413,
    NOT_IMPLEMENTED: 501,
    **dict.fromkeys((76, 202, 209, 439), 503),
}
_CODE = re.compile(r"Code: (\d+)\.")


class StatementError(XPulseError):
    """A statement that fails, worded as a ClickHouse server words it.

    Attributes:
        code: ClickHouse's error code.
        message: `Code: N. DB::Exception: text (NAME)`, one line or more.
        status: The HTTP status that a ClickHouse server answers for this code.
    """

    def __init__(self, code: int, text: str) -> None:
        message = text if text.startswith("Code: ") else f"Code: {code}. DB::Exception: {text} ({NAMES[code]})"
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = _STATUS.get(code, 500)


def from_engine(text: str) -> StatementError:
    """Turn the text of an engine exception into a `StatementError`, dropping what wrappers put before the code."""
    found = _CODE.search(text)
    if found is None:
        return StatementError(UNKNOWN, text)
    return StatementError(int(found[1]), text[found.start() :])
