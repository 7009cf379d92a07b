"""`xpulse targets diff | publish | retire`: files against what is in force, and into it."""

import getpass
import json
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from agents.cli.targets.options import AsJson, Author, Data, Files, Reason, Tenant
from agents.cli.targets.reach import known_values, profile_in_force, running_settings, tenant_of, with_publisher
from agents.declared import read_catalogue, read_target_files, stamp_now, target_files
from agents.processes import warehouse
from agents.settings import Settings
from agents.target_ledger import Published, TargetLedger, prune, publish, retire
from streams.events.judging import Target
from streams.targets import Differences, Stamp, TargetFile, differences, expand

EXAMPLE = "Example: xpulse targets publish infra/targets/*.yaml --tenant acme --reason 'agreed with the desk'"


def diff(tenant: Tenant = "", files: Files = None, as_json: AsJson = False, data: Data = None) -> None:
    """Say what `publish` would change; writes nothing.

    Files are expanded with the values that the tenant's directory knows and compared with the newest versions:
    per key the old and the new value and in how many slices, then the slices that appear (+) and vanish (-).
    """
    settings = running_settings(data)
    specs = read_target_files(files or target_files(), read_catalogue(settings))
    drafts = _drafts(settings, specs, tenant_of(specs, tenant), stamp_now("diff", ""))
    known = TargetLedger(warehouse(settings)).newest(tenant_of(specs, tenant))
    found = differences(known, drafts, {spec.id for spec in specs})
    print(json.dumps(_as_json(found), indent=2) if as_json else _as_text(found))


def publish_files(
    tenant: Tenant = "",
    files: Files = None,
    author: Author = "",
    reason: Reason = "published from files",
    prune_missing: Annotated[
        bool, typer.Option("--prune", help="Also end the slices that these files no longer have.")
    ] = False,
    data: Data = None,
) -> None:
    """Append what changed to the versions of the targets; what did not change keeps its version.

    Nothing is overwritten: what was judged keeps the version that was valid then. `diff` shows beforehand what will
    change; slices that the files no longer have stay in force unless --prune says otherwise.
    """
    settings = running_settings(data)
    specs = read_target_files(files or target_files(), read_catalogue(settings))
    whom, stamp = tenant_of(specs, tenant), stamp_now(author or getpass.getuser(), reason)
    drafts = _drafts(settings, specs, whom, stamp)
    done: Published = with_publisher(settings, lambda ledger, publisher: publish(ledger, publisher, drafts))
    for target in done.appended:
        print(f"{target.target}: version {target.version}")
    print(f"{len(done.appended)} new versions, {len(done.unchanged)} unchanged")
    if prune_missing:
        found = differences(TargetLedger(warehouse(settings)).newest(whom), drafts, {spec.id for spec in specs})
        gone = frozenset(found.vanishing)
        ended = with_publisher(settings, lambda ledger, publisher: prune(ledger, publisher, whom, stamp, gone))
        print(f"{len(ended)} retired: the files no longer have them")


def retire_tenant(
    tenant: Annotated[str, typer.Option(help="Whose targets.")],
    reason: Reason,
    author: Author = "",
    data: Data = None,
) -> None:
    """End all targets of a tenant; their open alerts are resolved."""
    settings = running_settings(data)
    stamp = stamp_now(author or getpass.getuser(), reason)
    ended: list[Target] = with_publisher(settings, lambda ledger, publisher: retire(ledger, publisher, tenant, stamp))
    print(f"{len(ended)} targets retired")


def _drafts(settings: Settings, specs: Sequence[TargetFile], tenant: str, stamp: Stamp) -> list[Target]:
    values, profile = known_values(settings, tenant), profile_in_force(settings)
    return [
        draft for spec in specs for draft in expand(spec, tenant=tenant, profile=profile, values=values, stamp=stamp)
    ]


def _as_json(found: Differences) -> dict[str, object]:
    changed = {
        name: {key: {"old": old, "new": new} for key, (old, new) in changes.items()}
        for name, changes in found.changed.items()
    }
    return {
        "changed": changed,
        "appearing": list(found.appearing),
        "vanishing": list(found.vanishing),
        "unchanged": len(found.unchanged),
    }


def _as_text(found: Differences) -> str:
    counts = Counter(
        f"{key}: {_shown(old)} -> {_shown(new)}"
        for changes in found.changed.values()
        for key, (old, new) in changes.items()
    )
    amounts = ((found.changed, "change"), (found.appearing, "appear"), (found.vanishing, "vanish"))
    lines = [", ".join(f"{len(some)} {word}" for some, word in amounts) + f", {len(found.unchanged)} stay as they are"]
    lines += [f"  {change}  ({count} {'target' if count == 1 else 'targets'})" for change, count in counts.items()]
    lines += [f"  + {name}" for name in found.appearing]
    lines += [f"  - {name}  (stays in force until `publish --prune`)" for name in found.vanishing]
    return "\n".join(lines)


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value or "nothing"
