"""The errors of xpulse.

    XPulseError
      ConfigError       names file, key and allowed values; the command exits with 2
        TargetError     a target file that cannot be judged
      Backpressure      come back after `retry_after_s`
      DeliveryError     a notice that did not arrive; carries `is_retryable` and `reason`
      InvariantError    our own bug or a log that is not what it was: the worker stops

Input that cannot be decoded is not an error but a value (`streams.codecs.Invalid`): it goes to quarantine.
"""


class XPulseError(Exception):
    """Root of all errors that xpulse raises on purpose."""


class ConfigError(XPulseError):
    """A file, key or setting that a person must correct."""


class TargetError(ConfigError):
    """An experience target that cannot be parsed or judged."""


class Backpressure(XPulseError):
    """A part that takes nothing now.

    Attributes:
        retry_after_s: Seconds to wait before another try.
    """

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DeliveryError(XPulseError):
    """A notice that its receiver did not take.

    Attributes:
        reason: Short text without secrets.
        is_retryable: Whether the same notice may succeed later.
    """

    def __init__(self, reason: str, *, is_retryable: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_retryable = is_retryable


class InvariantError(XPulseError):
    """Something that cannot be; folding on would make results wrong."""
