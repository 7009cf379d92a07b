"""A part: one process of a local installation, and the order in which parts start."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from streams.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process to run.

    Attributes:
        name: Unique; names the log file.
        command: Program and arguments. Secrets belong in files or `env`: command lines are public on a machine.
        env: Variables on top of the supervisor's own environment.
        is_ready: Says whether the part answers; called often from the supervisor's thread; should return within a
            second.
        depends_on: Parts that must answer before this one starts.
        restart: Whether to start it again after it ended by itself.
        restart_dependants: Parts to restart once this one answers again after a restart, because they cannot live with
            its new incarnation (an in-memory broker comes back empty).
        ready_within_s: Longest time from start to the first answer; seconds.
        grace_s: Time between SIGTERM and SIGKILL; seconds.
    """

    name: str
    command: Sequence[str]
    is_ready: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    restart: bool = True
    restart_dependants: tuple[str, ...] = ()
    ready_within_s: float = 60.0
    grace_s: float = 10.0


def layers(parts: Iterable[Part]) -> list[list[Part]]:
    """Return the parts in layers: each part after all that it depends on, as early as possible.

    Raises:
        ConfigError: A name twice, an unknown name, or a circle of dependencies.
    """
    left = {part.name: part for part in _checked(list(parts))}
    done: set[str] = set()
    found: list[list[Part]] = []
    while left:
        layer = [part for part in left.values() if done.issuperset(part.depends_on)]
        if not layer:
            raise ConfigError(f"parts depend on one another in a circle: {', '.join(sorted(left))}")
        found.append(layer)
        done.update(part.name for part in layer)
        left = {name: part for name, part in left.items() if name not in done}
    return found


def _checked(parts: list[Part]) -> list[Part]:
    names = [part.name for part in parts]
    if len(set(names)) < len(names):
        raise ConfigError(f"two parts have the same name: {', '.join(sorted(names))}")
    for part in parts:
        unknown = {*part.depends_on, *part.restart_dependants}.difference(names)
        if unknown:
            raise ConfigError(
                f"part {part.name} names unknown parts {sorted(unknown)}; there are: {', '.join(sorted(names))}"
            )
    return parts
