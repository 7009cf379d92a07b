"""Write the generated dashboards; `python -m agents.screens` or `make screens`."""

import sys

from agents.screens.registry import files


def main() -> None:
    """Write every file and say which changed."""
    for path, text in files().items():
        is_stale = not path.exists() or path.read_text() != text
        path.write_text(text)
        sys.stdout.write(f"{'written' if is_stale else 'as it was'}: {path.name}\n")


if __name__ == "__main__":
    main()
