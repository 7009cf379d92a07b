"""`xpulse targets check | schema`: what target files say, without a system."""

import json
import time

from agents.cli.targets.options import Files
from agents.declared import read_catalogue, read_target_files, target_files
from agents.settings import read_settings
from streams.targets import TargetFile, hints, json_schema, run_length
from streams.targets.indicators import INDICATORS, kind_of


def check(files: Files = None) -> None:
    """Say whether target files can be judged.

    The first fault ends the command with status 2 and one line that names file, key and allowed values. What is
    allowed but may not be meant follows as a hint. `plan` says what a good file will do.
    """
    settings = read_settings()
    profile, now_ms = settings.time_profile(), int(time.time() * 1000)
    for spec in read_target_files(files or target_files(), read_catalogue(settings)):
        print(_meaning(spec, profile.name))
        for hint in hints(spec, now_ms):
            print(f"  hint: {hint}")


def schema() -> None:
    """Print the JSON Schema of target files.

    It is published as infra/targets/schema.json; editors complete a file that begins with the line
    `# yaml-language-server: $schema=schema.json`.
    """
    print(json.dumps(json_schema(), indent=2))


def _meaning(spec: TargetFile, profile: str) -> str:
    measure = INDICATORS[kind_of(spec.indicator)]
    slices = f"per {' and '.join(spec.for_each)}" if spec.for_each else "one target"
    return (
        f"{spec.id}: good; {measure.title.lower()} {measure.promise(spec.objective)}, {slices}, "
        f"a false alert in {run_length(spec, profile):,.0f} {measure.counted} of a slice on target"
    )
