"""Forgetting a person: what ClickHouse holds of one and how it is destroyed, and a search for what is left anywhere."""
