"""Grafana dashboards from code: typed builders here, JSON in `grafana/dashboards/`.

`python -m agents.screens` (or `make screens`) writes the files; a test fails when they are stale.
"""
