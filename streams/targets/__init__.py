"""Experience targets as code: files -> checked specs -> versions of targets, one per slice."""

from streams.targets.differences import Differences, differences
from streams.targets.expansion import Stamp, expand, run_length, target_id
from streams.targets.hints import hints
from streams.targets.reading import read_target_file
from streams.targets.spec import TargetFile, json_schema
from streams.targets.versions import changes, next_version, retirement, version_at

__all__ = [
    "Differences",
    "Stamp",
    "TargetFile",
    "changes",
    "differences",
    "expand",
    "hints",
    "json_schema",
    "next_version",
    "read_target_file",
    "retirement",
    "run_length",
    "target_id",
    "version_at",
]
