"""How a failed question to ClickHouse or the broker is logged."""

import logging

from streams.errors import DeliveryError


def log_failure(log: logging.Logger, event: str, error: Exception) -> None:
    """Log what will be tried again; say more where trying again is not likely to help.

    Only for statements that carry published figures and judging states: ClickHouse may quote what it was sent.
    """
    code = getattr(error, "code", None)
    if isinstance(error, DeliveryError) and error.is_retryable:
        log.warning("%s error=%s code=%s", event, type(error).__name__, code)
    else:
        log.error("%s error=%s code=%s reason=%.500s", event, type(error).__name__, code, error)
