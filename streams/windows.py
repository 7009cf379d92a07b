"""Tumbling windows on a fixed grid: half-open [start, end), aligned to 1970-01-01 UTC."""


def window_index(event_time_ms: int, window_ms: int) -> int:
    """Return the number of the window that holds an instant.

    Args:
        event_time_ms: Milliseconds since the epoch, >= 0.
        window_ms: Length of a window; milliseconds, > 0.

    Example:
        >>> window_index(59_999, 60_000), window_index(60_000, 60_000)
        (0, 1)
    """
    return event_time_ms // window_ms


def window_start_ms(index: int, window_ms: int) -> int:
    """Return a window's first instant; milliseconds since the epoch.

    Example:
        >>> window_start_ms(2, 60_000)
        120000
    """
    return index * window_ms


def is_late(event_time_ms: int, arrival_ms: int, *, window_ms: int, grace_ms: int) -> bool:
    """Tell whether an event's window had closed when it arrived.

    Args:
        event_time_ms: When it happened; milliseconds since the epoch.
        arrival_ms: The partition's arrival: the running maximum of its record timestamps.
        window_ms: Length of a window.
        grace_ms: How long after its end a window accepts events.

    Example:
        >>> is_late(59_999, 65_000, window_ms=60_000, grace_ms=5_000)
        False
        >>> is_late(59_999, 65_001, window_ms=60_000, grace_ms=5_000)
        True
    """
    end = window_start_ms(window_index(event_time_ms, window_ms) + 1, window_ms)
    return arrival_ms > end + grace_ms
