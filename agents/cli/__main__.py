"""`python -m agents.cli`: the same as the command `xpulse`."""

from agents.cli import main

main()
