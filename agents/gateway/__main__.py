"""`python -m agents.gateway`: one gateway process; what the arguments leave out comes from the environment."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from agents.gateway.process import run
from agents.settings import read_settings
from streams.errors import ConfigError


def main() -> int:
    """Run the gateway and return the exit status; 2 says that a person must correct something."""
    try:
        settings = read_settings()
        parser = argparse.ArgumentParser(prog="agents.gateway", description="Take events over HTTP.")
        parser.add_argument("--host", default=settings.gateway_host, help="address to listen on")
        parser.add_argument("--port", default=settings.gateway_port, type=int, help="TCP port")
        given = parser.parse_args()
        return run(replace(settings, gateway_host=given.host, gateway_port=given.port))
    except ConfigError as error:
        sys.stderr.write(f"xpulse: {error}\n")
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
