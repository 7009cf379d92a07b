"""The table of roles: what each may see and how much it may cost, and who has it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from streams.errors import ConfigError
from streams.targets.documents import load_document

FILE = Path(__file__).parents[2] / "infra" / "clickhouse" / "roles.yaml"
"""The table that is shipped; an installation edits it."""

NAME = r"^[a-z][a-z0-9_]{0,40}$"
Name = Annotated[str, msgspec.Meta(pattern=NAME)]
Value = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_RESERVED = frozenset({"default", "xpulse"})


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the statements of one user of a role may cost.

    Attributes:
        time_s: Longest run of a statement; seconds.
        memory_mb: Most memory of a statement; MiB.
        read_rows: Most rows that a statement may read from tables behind the views.
        result_rows: Most rows of a result.
        result_mb: Largest result; MiB.
        concurrent: Statements that run at the same time.
        queries_per_hour: Statements in an hour; enforced by a server's quota only.
    """

    time_s: Annotated[int, msgspec.Meta(ge=1, le=3600)]
    memory_mb: Annotated[int, msgspec.Meta(ge=16, le=1 << 20)]
    read_rows: Annotated[int, msgspec.Meta(ge=1000)]
    result_rows: Annotated[int, msgspec.Meta(ge=1)]
    result_mb: Annotated[int, msgspec.Meta(ge=1, le=1 << 14)]
    concurrent: Annotated[int, msgspec.Meta(ge=1, le=64)]
    queries_per_hour: Annotated[int, msgspec.Meta(ge=1)]


class Scope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a role sees of the public views; a list that is left out or empty means all.

    With countries or services, a row is seen only if it names one of them: rows that mix several (`*`) need all.
    """

    tenants: tuple[Value, ...] = ()
    countries: tuple[Value, ...] = ()
    services: tuple[Value, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return not (self.tenants or self.countries or self.services)


class Role(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One role: for whom it is, its scope and its limits."""

    about: Annotated[str, msgspec.Meta(min_length=1)]
    scope: Scope = Scope()
    limits: Limits


class RoleTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Roles by name, and users by name with the role of each."""

    roles: Annotated[Mapping[Name, Role], msgspec.Meta(min_length=1)]
    users: Mapping[Name, Name]

    def database_of(self, role: str, public: str) -> str:
        """Return the database that a role reads: the public one, or its own with its scope of it."""
        return public if self.roles[role].scope.is_everything else f"{public}_{role}"


def parse_roles(text: str, *, source: str) -> RoleTable:
    """Return the checked table.

    Raises:
        ConfigError: Not YAML, a key is unknown, missing or out of range, or a user has no such role.
    """
    try:
        table = msgspec.convert(load_document(text, source=source), RoleTable)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {error}") from error
    for user, role in table.users.items():
        if user in _RESERVED:
            raise ConfigError(
                f"{source}: users.{user}: the name is taken; allowed: any but {', '.join(sorted(_RESERVED))}"
            )
        if role not in table.roles:
            raise ConfigError(f"{source}: users.{user}: no role {role}; allowed: {', '.join(sorted(table.roles))}")
    return table


def read_roles(path: Path) -> RoleTable:
    """Read the table.

    Raises:
        ConfigError: As `parse_roles`, or the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {type(error).__name__}") from error
    return parse_roles(text, source=str(path))
