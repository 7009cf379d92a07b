"""Programs that some tests need and not every machine has."""

import os
import shutil

import pytest

REQUIRED = "XPULSE_REQUIRE"
"""Names of programs, separated by commas, whose absence is a failure: what an environment promised to bring."""


def program(name: str) -> str:
    """Return the path of a program.

    Without it the test is skipped with the reason; where `XPULSE_REQUIRE` names it, the test fails.
    """
    path = shutil.which(name)
    if path is not None:
        return path
    if name in os.environ.get(REQUIRED, "").split(","):
        pytest.fail(f"{name} is required here ({REQUIRED}) and is not installed")
    pytest.skip(f"{name} is not installed")
