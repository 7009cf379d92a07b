"""The words of the simulated organisation: its metrics, countries, services, applications, channels and models.

The metric names are those of the metric catalogue (`infra/metrics.yaml`); a test holds the two together.
"""

from collections.abc import Mapping

RESPONSE_TIME = "app.response_time"
"""How long an application lets its user wait; milliseconds."""
CRASH = "app.crash"
"""An application ended by itself; 1 per crash."""
BOOT_TIME = "device.boot_time"
"""From power-on to a usable desktop; seconds."""
CPU_UTILIZATION = "device.cpu_utilization"
"""Busy share of the processor, 0 to 1."""
METRICS = (RESPONSE_TIME, CRASH, BOOT_TIME, CPU_UTILIZATION)

RESPONSE_GOOD_MS = 2_000
"""A response within this time is good; the catalogue says the same."""

COUNTRIES: Mapping[str, float] = {
    "NO": 1.0, "DE": 1.0, "US": -5.0, "IN": 5.5, "GB": 0.0, "FR": 1.0, "SE": 1.0, "BR": -3.0, "JP": 9.0, "CA": -5.0,
    "AU": 10.0, "NL": 1.0,
}  # fmt: skip
"""Country -> hours ahead of UTC (one zone per country, no summer time)."""

SERVICES = (
    "mail", "sales", "network", "workplace", "finance", "people", "storage", "identity", "telephony", "printing",
    "procurement", "logistics", "analytics", "development", "security", "facilities", "learning", "legal", "marketing",
    "support", "travel", "planning", "quality", "research", "manufacturing",
)  # fmt: skip

APPLICATIONS = (
    "mailbox", "crm", "vpn", "office", "calendar", "quotes", "remote-desktop", "meetings",
)  # fmt: skip
"""The first applications; they belong to the first services in turn. Further ones are named after their service."""

BUSINESS_UNITS = ("sales", "engineering", "operations", "finance", "people")

CHANNELS = ("portal", "chat", "phone")
TOUCHPOINTS: Mapping[str, tuple[str, ...]] = {
    "portal": ("request", "request", "incident"),
    "chat": ("incident", "request"),
    "phone": ("incident", "incident", "outage"),
}
"""Channel -> measured areas, repeated by weight."""

BAD_FACTORS = ("unsolved", "slow", "re-explaining")
GOOD_FACTORS = ("speed", "attitude", "skills")

MODELS: Mapping[str, tuple[str, ...]] = {
    "laptop-13": ("windows-11.24H2", "windows-11.25H2"),
    "laptop-15": ("windows-11.25H2",),
    "workstation": ("windows-11.24H2", "ubuntu-24.04"),
    "notebook-m": ("macos-15", "macos-26"),
}
"""Device model -> versions of the operating system that run on it."""
SHARED_MODELS: Mapping[str, tuple[str, ...]] = {
    "meeting-room": ("teams-rooms-5",),
    "terminal-server": ("windows-2025",),
}
"""Models that are nobody's device."""
