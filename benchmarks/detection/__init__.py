"""How soon which detector finds what, and how often it cries wolf: `python -m benchmarks.detection`."""
