"""The one place that talks to Grafana's HTTP API, through the library grafana-api.

Only its raw requests are used: they send the token and tell refusals apart. The library has no call for playlists, and
some of its calls build addresses that Grafana refuses.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from grafana_api.grafana_api import GrafanaException
from grafana_api.grafana_face import GrafanaFace

from streams.errors import ConfigError, DeliveryError

TIMEOUT_S: Final = 10.0
LONGEST_REASON: Final = 200
_GONE: Final = 404
_SERVER_FAULT: Final = 500


class GrafanaError(DeliveryError):
    """Grafana did not do what it was asked.

    Attributes:
        status: HTTP status; None if there was no answer.
    """

    def __init__(self, reason: str, *, is_retryable: bool, status: int | None = None) -> None:
        super().__init__(reason, is_retryable=is_retryable)
        self.status = status


class Server(Protocol):
    """What publishing needs of Grafana. Paths begin with /api or /apis."""

    def get(self, path: str) -> Any:
        """Return the answer; None if there is no such thing.

        Raises:
            GrafanaError: No answer, or a refusal.
        """

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """Create or change something and return the answer; likewise."""


class Grafana:
    """A Grafana server.

    Args:
        address: Such as https://grafana.example/sub/path.
        token: Of a service account that may edit; never shown.

    Raises:
        ConfigError: The address is none, or there is no token.
    """

    def __init__(self, address: str, token: str) -> None:
        found = urlsplit(address)
        if found.scheme not in {"http", "https"} or not found.hostname or found.username or found.query:
            raise ConfigError(f"address of Grafana is {address!r}; allowed: http://host:port/path and https://…")
        if not token:
            raise ConfigError("no token for Grafana; set XPULSE_GRAFANA_TOKEN or XPULSE_GRAFANA_TOKEN_FILE")
        path = found.path.strip("/")
        self._api = GrafanaFace(
            token,
            host=f"[{found.hostname}]" if ":" in found.hostname else found.hostname,
            port=found.port,
            protocol=found.scheme,
            url_path_prefix=f"{path}/" if path else "",
            timeout=TIMEOUT_S,
        ).api
        self._api.url = self._api.url.removesuffix("/api")  # there is /apis as well

    def get(self, path: str) -> Any:
        try:
            return self._request("GET", path)
        except GrafanaError as error:
            if error.status == _GONE:
                return None
            raise

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        return self._request(method, path, body)

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            return getattr(self._api, method)(path, json=body)
        except GrafanaException as error:
            reason = f"{method} {path}: {str(error.message)[:LONGEST_REASON]}"
            is_retryable = error.status_code >= _SERVER_FAULT
            raise GrafanaError(reason, is_retryable=is_retryable, status=error.status_code) from None
        except (OSError, ValueError) as error:  # no connection; an answer that is no JSON
            reason = f"{method} {path}: no answer of Grafana ({type(error).__name__})"
            raise GrafanaError(reason, is_retryable=True) from None
