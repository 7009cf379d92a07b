"""Logging, configured once at the start of a process: one line per event on standard error, times in UTC.

A message is a constant snake_case event followed by `key=value` pairs. Persons, comments, secrets and raw records never
appear in one.
"""

import logging
import sys
import time

import orjson

FORMATS = ("text", "json")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def configure_logging(*, level: str = "INFO", style: str = "text") -> None:
    """Send this process's log to standard error.

    Args:
        level: DEBUG, INFO, WARNING or ERROR.
        style: `text` for people, `json` for collectors.
    """
    pattern = "%(asctime)s %(levelname)s %(name)s %(message)s"
    formatter = _JsonLines() if style == "json" else logging.Formatter(pattern)
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("aiokafka", "faust", "mode", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    for noisy in ("clickhouse_connect", "urllib3", "opentelemetry"):
        # They log every refused connection as a trouble of their own; who connects says what it means.
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
