"""Alerts and changes as annotations of a whole Grafana, for dashboards that are not ours.

Each carries a tag of its own, so that telling it twice makes one, and an alert that ends gets its end. Our own
dashboards ask the published views themselves and need none of this.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from agents.screens.check import Ask
from agents.screens.grafana import Server
from agents.screens.publish import Step

TAG: Final = "xpulse"
MOST: Final = 5_000
"""Annotations that are read back at once; more in one look would be told twice."""

_ALERTS: Final = """SELECT
    concat('alert/', alert_id) AS id, toUnixTimestamp64Milli(started_at) AS begin,
    if(state = 'resolved', toUnixTimestamp64Milli(at), 0) AS end, tenant, 'alert' AS kind, summary AS text
FROM xpulse_pub.alerts
WHERE calls = 'yes' AND at >= {since} AND at < {until}
UNION ALL
SELECT
    concat('change/', change_id), toUnixTimestamp64Milli(started_at),
    if(isNull(ended_at), 0, toUnixTimestamp64Milli(assumeNotNull(ended_at))), tenant, toString(kind), title
FROM xpulse_pub.changes
WHERE started_at >= {since} AND started_at < {until}"""


@dataclass(frozen=True, kw_only=True)
class Note:
    """What happened; unix ms. An end of 0: it lasts, or has no length."""

    id: str
    begin_ms: int
    end_ms: int
    tenant: str
    kind: str
    text: str

    @property
    def tag(self) -> str:
        """What is written on it and on nothing else."""
        return f"{TAG}:{self.tenant}/{self.id}"

    def to_json(self) -> dict[str, Any]:
        """Return Grafana's annotation."""
        end = {"timeEnd": self.end_ms} if self.end_ms > self.begin_ms else {}
        return {"time": self.begin_ms, **end, "tags": [TAG, self.kind, self.tag], "text": self.text}


def happened(ask: Ask, *, since_ms: int, until_ms: int) -> list[Note]:
    """Return the alerts that moved and the changes that began in a period, oldest first."""
    period = {name: f"fromUnixTimestamp64Milli({at})" for name, at in (("since", since_ms), ("until", until_ms))}
    found = [_note(row) for row in ask(_ALERTS.format_map(period)).rows]
    return sorted(found, key=lambda note: (note.begin_ms, note.tag))


def _note(row: Any) -> Note:
    name, begin, end, tenant, kind, text = row
    return Note(id=name, begin_ms=int(begin), end_ms=int(end), tenant=tenant, kind=kind, text=text)


def annotate(server: Server, notes: list[Note], *, is_dry: bool) -> Iterator[Step]:
    """Yield what was told; what Grafana has already is left alone, and an end that came since is added.

    Raises:
        GrafanaError: No answer, or a refusal; the next run goes on.
    """
    if not notes:
        return
    asked = {"tags": TAG, "from": notes[0].begin_ms, "to": notes[-1].begin_ms + 1, "limit": MOST, "type": "annotation"}
    there = {
        tag: one for one in server.get(f"/api/annotations?{urlencode(asked)}") or [] for tag in one.get("tags", ())
    }
    for note in notes:
        yield _told(server, note, there.get(note.tag), is_dry=is_dry)


def _told(server: Server, note: Note, found: Mapping[str, Any] | None, *, is_dry: bool) -> Step:
    body, what = note.to_json(), f"annotation {note.tag}"
    if found is None:
        if not is_dry:
            server.send("POST", "/api/annotations", body)
        return Step(done="created", what=what)
    # An annotation without an end comes back with its beginning as its end, or with 0.
    is_ended = "timeEnd" in body and found.get("timeEnd") != body["timeEnd"]
    if is_ended and not is_dry:
        server.send("PATCH", f"/api/annotations/{found['id']}", body)
    return Step(done="changed" if is_ended else "as it was", what=what)
