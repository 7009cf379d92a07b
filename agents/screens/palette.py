"""The few colours of all screens. Every state differs by its word as well, so colour is never the only sign.

The three are told apart with the common forms of colour blindness (Okabe and Ito's palette).
"""

from typing import Final

GOOD: Final = "#0072B2"
"""Blue: as promised."""

WATCH: Final = "#E69F00"
"""Amber: look here."""

BAD: Final = "#D55E00"
"""Vermilion: not as promised."""

QUIET: Final = "#8E8E8E"
"""Grey: nothing can be said."""
