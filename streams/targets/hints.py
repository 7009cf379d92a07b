"""What is allowed in a target file but may not be meant."""

from datetime import UTC, date, datetime

from streams.targets.spec import TargetFile


def hints(spec: TargetFile, now_ms: int) -> list[str]:
    """Return hints about a file, each beginning with its key.

    Args:
        spec: A checked target file.
        now_ms: Today; ms UTC.
    """
    today = datetime.fromtimestamp(now_ms / 1000, tz=UTC).date()
    if spec.review is None:
        return ["review: no date; people's expectations change, say when to look again"]
    late = (today - date.fromisoformat(spec.review)).days
    return [f"review: was due on {spec.review}, {late} days ago"] if late > 0 else []
