"""The log notifier: one line of JSON per state of an alert, the alert event itself."""

from typing import TextIO

from agents.notify._port import Notice, NotifyConfig
from streams.codecs import encode_json
from streams.errors import DeliveryError


class LogNotifier:
    """Writes alerts to a text stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    async def send(self, notice: Notice) -> None:
        """Write one line.

        Raises:
            DeliveryError: The stream is closed or full; may be tried again.
        """
        try:
            self._stream.write(encode_json(notice.alert).decode() + "\n")
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise DeliveryError(f"log: {type(error).__name__}", is_retryable=True) from error

    async def close(self) -> None:
        """Leave the stream open: it is not ours."""


def build(config: NotifyConfig) -> LogNotifier:
    """Return the notifier; it needs no configuration."""
    return LogNotifier(config.log_stream)
