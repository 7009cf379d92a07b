"""An error in ClickHouse's own words: code, message, HTTP status."""

import re
from enum import IntEnum

from streams.errors import XPulseError


class Code(IntEnum):
    """The error codes that the front itself raises; names and numbers are ClickHouse's."""

    BAD_ARGUMENTS = 36
    CHECKSUM_DOESNT_MATCH = 40
    NOT_IMPLEMENTED = 48
    SYNTAX_ERROR = 62
    UNKNOWN_COMPRESSION_METHOD = 89
    TOO_DEEP_SUBQUERIES = 162
    READONLY = 164
    TOO_MANY_SIMULTANEOUS_QUERIES = 202
    QUERY_IS_TOO_LARGE = 229
    CANNOT_DECOMPRESS = 271
    QUERY_WAS_CANCELLED = 394
    TOO_MANY_ROWS_OR_BYTES = 396
    HTTP_LENGTH_REQUIRED = 381
    ACCESS_DENIED = 497
    AUTHENTICATION_FAILED = 516
    UNKNOWN_EXCEPTION = 1002


# Source: src/Server/HTTP/exceptionCodeToHTTPStatus.cpp of ClickHouse; 202 is ours, so that clients come back.
_BAD_REQUEST = (
    6,
    8,
    15,
    25,
    26,
    27,
    36,
    37,
    38,
    41,
    44,
    53,
    62,
    72,
    117,
    123,
    167,
    168,
    223,
    321,
    376,
    427,
    441,
    675,
    676,
)
_NOT_FOUND = (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511)
_STATUS = {
    **dict.fromkeys(_BAD_REQUEST, 400),
    194: 401,
    **dict.fromkeys((192, 193, 497, 512, 516), 403),
    **dict.fromkeys(_NOT_FOUND, 404),
    159: 408,
    381: 411,
    229: 413,
    779: 415,
    48: 501,
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

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = _STATUS.get(code, 500)


def refusal(code: Code, text: str) -> StatementError:
    """Return the front's own error with `text`, in ClickHouse's format."""
    return StatementError(code, f"Code: {code.value}. DB::Exception: {text} ({code.name})")


def from_engine(text: str) -> StatementError:
    """Turn the text of an engine exception into a `StatementError`, dropping what wrappers put before the code."""
    found = _CODE.search(text)
    if found is None:
        return refusal(Code.UNKNOWN_EXCEPTION, text)
    return StatementError(int(found[1]), text[found.start() :])
