"""Put the saved questions into the page for analysts: `.venv/bin/python docs/examples/write_questions.py`."""

from pathlib import Path

from agents.cli.saved import write_page

write_page(Path(__file__).resolve().parents[1] / "analysts.md")
