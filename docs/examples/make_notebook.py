"""Make and run `month.ipynb` from `month.py`: `.venv/bin/python docs/examples/make_notebook.py [PORT [TENANT]]`.

The cells are run here as Jupyter would run them, one after the other in one namespace, and their output is kept.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
KINDS = {"# %%": "code", "# %% [markdown]": "markdown"}


def main(source: Path, target: Path, *, port: str, tenant: str) -> None:
    """Run the cells of a file and write them with their output as a notebook."""
    sys.path.insert(0, str(HERE))
    text = re.sub(r"^PORT, TENANT = .*$", f'PORT, TENANT = {port}, "{tenant}"', source.read_text(), flags=re.MULTILINE)
    space: dict[str, Any] = {}
    document = {
        "cells": [_cell(number, *cell, space) for number, cell in enumerate(cells(text))],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    target.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def cells(text: str) -> list[tuple[str, str]]:
    """Return kind and text of each cell; what stands before the first one is left out."""
    parts = re.split(r"^(# %%(?: \[markdown\])?)\n", text, flags=re.MULTILINE)[1:]
    found = []
    for head, body in zip(parts[::2], parts[1::2], strict=True):
        plain = re.sub(r"^# ?", "", body, flags=re.MULTILINE) if KINDS[head] == "markdown" else body
        found.append((KINDS[head], plain.strip()))
    return found


def _cell(number: int, kind: str, text: str, space: dict[str, Any]) -> dict[str, Any]:
    cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": text.splitlines(keepends=True)}
    return {**cell, "execution_count": number // 2 + 1, "outputs": run(text, space)} if kind == "code" else cell


def run(text: str, space: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a cell; return what it printed, and its last expression if that is a picture."""
    tree, printed, shown = ast.parse(text), io.StringIO(), None
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), space)  # noqa: S102 - our own file
        if isinstance(last, ast.Expr):
            shown = eval(compile(ast.Expression(last.value), "cell", "eval"), space)  # noqa: S307 - our own file
    outputs: list[dict[str, Any]] = []
    if lines := printed.getvalue().splitlines(keepends=True):
        outputs.append({"output_type": "stream", "name": "stdout", "text": lines})
    if hasattr(shown, "_repr_svg_"):
        data = {"image/svg+xml": shown._repr_svg_().splitlines(keepends=True), "text/plain": ["<Chart>"]}
        outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    return outputs


if __name__ == "__main__":
    named = dict(zip(("port", "tenant"), sys.argv[1:], strict=False))
    main(HERE / "month.py", HERE / "month.ipynb", **{"port": "8123", "tenant": "acme", **named})
