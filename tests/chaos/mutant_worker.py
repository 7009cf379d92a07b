"""`python -m tests.chaos.mutant_worker MUTANT worker telemetry`: the product's own worker with a broken fold in it.

The product knows nothing of this: the fold is replaced from outside before its command runs.
"""

from __future__ import annotations

import sys

from agents import telemetry
from agents.cli import main
from tests.chaos.mutants import MUTANTS


def run_mutant() -> None:
    """Put the mutant in and run the command."""
    setattr(telemetry, "PartitionFold", MUTANTS[sys.argv.pop(1)])  # noqa: B010 - not a name that the module offers
    main()


if __name__ == "__main__":
    run_mutant()
