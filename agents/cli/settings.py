"""`xpulse settings`: every setting with its meaning, as an environment file."""

from collections.abc import Iterator
from dataclasses import Field, fields
from typing import Any

from agents.settings import PREFIX, Settings, read_settings

HIDDEN = "(set, not shown)"


def command() -> None:
    """Print all settings, their meaning and their value here, as an environment file.

    Processes read them once, at their start, from the environment. What would be refused there is refused here: an
    unknown name, a port that is none. Addresses that may hold a secret are not shown.

    Examples: xpulse settings; XPULSE_PROFILE=demo xpulse settings > xpulse.env
    """
    settings = read_settings()
    settings.time_profile()
    for one in fields(Settings):
        print("\n".join(_lines(one, getattr(settings, one.name))))


def _lines(one: Field[Any], value: Any) -> Iterator[str]:
    changed = f" (default: {one.default})" if one.default not in (value, "") else ""
    yield f"# {one.metadata['help']}{changed}"
    name = f"{PREFIX}{one.name.upper()}"
    yield f"# {name}={HIDDEN}" if one.metadata["secret"] and value else f"{name}={value}"
