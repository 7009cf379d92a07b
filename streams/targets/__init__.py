"""Experience targets as code: files -> checked specs -> versions of targets, one per slice."""

from streams.targets.expansion import Stamp, expand, run_length, target_id
from streams.targets.reading import read_target_file
from streams.targets.spec import TargetFile, json_schema
from streams.targets.versions import next_version, retirement, version_at

__all__ = [
    "Stamp",
    "TargetFile",
    "expand",
    "json_schema",
    "next_version",
    "read_target_file",
    "retirement",
    "run_length",
    "target_id",
    "version_at",
]
