"""`python -m agents.screens.preview --port N --clickhouse-port N`: serve until SIGTERM or Ctrl-C, without a password.

What `xpulse up` starts: it loads a tenth of what the whole command line does.
"""

import argparse
import sys

from agents.logs import configure_logging
from agents.screens.preview.process import HOST, run
from agents.warehouse.client import Address


def main() -> int:
    """Serve; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m agents.screens.preview", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clickhouse-port", type=int, required=True, help="of an embedded ClickHouse")
    chosen = parser.parse_args()
    configure_logging()
    address = Address(host=HOST, port=chosen.clickhouse_port, user="default", database="xpulse_pub")
    return run(address, port=chosen.port)


if __name__ == "__main__":
    sys.exit(main())
