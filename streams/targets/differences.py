"""What publishing would change: files against the newest versions, key by key and slice by slice."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from streams.events.judging import Target
from streams.targets.versions import changes

Changes = Mapping[str, tuple[object, object]]
"""Key -> old and new value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What publishing would do.

    Attributes:
        changed: Target id -> what would change.
        appearing: Ids of targets that are not in force now.
        vanishing: Ids of targets in force that the files no longer have. Publishing leaves them, unless told to prune.
        unchanged: Ids of targets that would stay as they are.
    """

    changed: Mapping[str, Changes]
    appearing: tuple[str, ...]
    vanishing: tuple[str, ...]
    unchanged: tuple[str, ...]


def differences(known: Mapping[str, Target], drafts: Sequence[Target], files: Collection[str]) -> Differences:
    """Return what publishing the drafts would change.

    Args:
        known: Target id -> newest version of the tenant.
        drafts: All targets that the files expand to.
        files: Ids of the files.
    """
    active = {name: target for name, target in known.items() if target.state == "active"}
    told = {draft.target: changes(active[draft.target], draft) for draft in drafts if draft.target in active}
    kept = {draft.target for draft in drafts}
    return Differences(
        changed={name: found for name, found in told.items() if found},
        appearing=tuple(draft.target for draft in drafts if draft.target not in active),
        vanishing=tuple(name for name in sorted(active) if file_of_target(name) in files and name not in kept),
        unchanged=tuple(name for name, found in told.items() if not found),
    )


def file_of_target(target: str) -> str:
    """Return the id of the file that a target comes from.

    Example:
        >>> file_of_target("happiness/country=NO,service=e-mail")
        'happiness'
    """
    return target.partition("/")[0]
