"""Values that stand for themselves on no screen: each has a word, a sign and a colour, the same everywhere."""

from typing import Final

from agents.screens.palette import BAD, GOOD, QUIET, WATCH
from agents.screens.panels import Word

VERDICTS: Final = {
    "met": Word(text="✔ met", colour=GOOD),
    "missed": Word(text="✘ missed", colour=BAD),
    "undecided": Word(text="? undecided", colour=WATCH),
    "too_few": Word(text="… too few answers", colour=QUIET),
    "no_data": Word(text="– no data", colour=QUIET),
}
TRENDS: Final = {
    "up": Word(text="↗ up", colour=GOOD),
    "flat": Word(text="→ flat", colour=QUIET),
    "down": Word(text="↘ down", colour=BAD),
    "unknown": Word(text="– unknown", colour=QUIET),
}
DRIFTS: Final = {"1": Word(text="▲ drifting", colour=BAD), "0": Word(text="– steady", colour=QUIET)}
SEVERITIES: Final = {
    "critical": Word(text="‼ critical", colour=BAD),
    "warning": Word(text="! warning", colour=WATCH),
    "info": Word(text="i info", colour=GOOD),
}
STALE: Final = Word(text="STALE", colour=BAD)
PARTIAL: Final = {"1": Word(text="◐ partial", colour=WATCH), "0": Word(text="● whole", colour=QUIET)}
"""Whether enough of the released answers name what a slice asks for."""
CALLS: Final = {
    "yes": Word(text="☎ calls", colour=BAD),
    "inhibited": Word(text="↳ explained by another", colour=QUIET),
    "replayed": Word(text="« from old data", colour=QUIET),
    "mix": Word(text="≈ another mixture", colour=QUIET),
}
OUTCOMES: Final = {
    "delivered": Word(text="✔ delivered", colour=GOOD),
    "retry": Word(text="… tried again", colour=WATCH),
    "withheld": Word(text="– withheld", colour=QUIET),
    "refused": Word(text="✘ refused", colour=BAD),
    "given_up": Word(text="‼ given up", colour=BAD),
}
MIXTURES: Final = {"1": Word(text="≈ of the mixture", colour=WATCH), "0": Word(text="– no", colour=QUIET)}
"""Whether a score moved only because other parts weigh more now."""
LIGHTS: Final = {
    "healthy": Word(text="✔ healthy", colour=GOOD),
    "watermelon": Word(text="◍ watermelon", colour=BAD),
    "obsolete": Word(text="○ obsolete goal", colour=WATCH),
    "failing": Word(text="✘ failing", colour=BAD),
    "undecided": Word(text="? undecided", colour=QUIET),
}
"""Service level beside experience level, as the view `watermelon` says it."""
