"""Why a request is refused: one exception, one JSON answer, one bounded word for the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import msgspec
from starlette.responses import Response

Reason = Literal[
    "not_json",
    "invalid",
    "tenant",
    "too_large",
    "too_many",
    "encoding",
    "media_type",
    "not_otlp",
    "busy",
    "broker_away",
]
"""Classes of refusals; the label `reason` of `xpulse_gateway_rejections_total`."""
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

MAX_PROBLEMS: Final = 100
"""Most problems that one answer lists."""
NOTHING_TAKEN: Final = "nothing of this request was accepted"
OUTCOME_UNKNOWN: Final = "send the whole request again: events that did arrive are recognised by their event_id"
JSON: Final = "application/json"


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong with one event.

    Attributes:
        index: Position of the event in the list; 0 for a single one.
        field: Its field; "" is the whole event.
        why: The rule, without what was sent.
    """

    index: int
    field: str
    why: str


class Rejected(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every answer that is not a success."""

    error: str
    problems: Sequence[Problem] = ()
    problems_total: int = 0


@dataclass(eq=False)
class Refusal(Exception):
    """A request that is not taken.

    Attributes:
        status: HTTP status.
        reason: Class of the refusal, for metrics.
        error: One sentence for people.
        retry_after_s: When to come back; None = the same request will never be taken.
        consequence: What became of the request, and what to do.
    """

    status: int
    reason: Reason
    error: str
    problems: Sequence[Problem] = ()
    retry_after_s: float | None = None
    consequence: str = NOTHING_TAKEN

    def body(self) -> Rejected:
        """Return what the sender is told."""
        shown = self.problems[:MAX_PROBLEMS]
        return Rejected(f"{self.error}; {self.consequence}", shown, len(self.problems))

    def headers(self) -> dict[str, str]:
        """Return the headers of the answer."""
        return {} if self.retry_after_s is None else {"Retry-After": str(max(1, round(self.retry_after_s)))}


def invalid(problems: Sequence[Problem]) -> Refusal:
    """Return the refusal of a request with events that break a rule."""
    first = problems[0]
    place = f"event {first.index}" + (f", field {first.field}" if first.field else "")
    more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
    return Refusal(422, "invalid", f"{place}: {first.why}{more}", problems)


def json_answer(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    return Response(msgspec.json.encode(content), status, headers, JSON)
