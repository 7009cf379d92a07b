"""Whether dashboards would work in Grafana, found out without one.

    schema    the types of @grafana/schema and the ids of @grafana/data, as `grafana/types/extract.mjs` read them
    shape     what the JSON must hold: titles, descriptions, links, units, colours, data sources, published tables
    queries   every query run with several selections: rows, columns and their types, numbers on the wall

`python -m agents.cli screens check` runs all of them on rows whose figures are known.
"""

from agents.screens.check.queries import Answer, Ask, Report, default_view, run_queries
from agents.screens.check.shape import Known, shape_faults

__all__ = ["Answer", "Ask", "Known", "Report", "default_view", "run_queries", "shape_faults"]
