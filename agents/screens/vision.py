"""How colours look: to people with other cones, beside one another, and on a background.

References:
    Machado, Oliveira, Fernandes: "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009; the
    matrices are those of its severity 1.0, applied to linear RGB.
    Sharma, Wu, Dalal: "The CIEDE2000 Color-Difference Formula", 2005.
    WCAG 2.2, "contrast ratio" and "relative luminance".
"""

from collections.abc import Mapping
from math import atan2, cos, degrees, exp, hypot, radians, sin, sqrt
from typing import Final

Rgb = tuple[float, float, float]
Lab = tuple[float, float, float]

DEFICIENCIES: Final[Mapping[str, tuple[Rgb, Rgb, Rgb]]] = {
    "none": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
"""Who looks -> rows of the matrix for linear RGB."""

_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_WHITE = (0.95047, 1.0, 1.08883)


def seen(colour: str, deficiency: str = "none") -> Lab:
    """Return a colour as a person sees it, in CIELAB (D65).

    Args:
        colour: `#RRGGBB`.
        deficiency: A key of `DEFICIENCIES`.

    Example:
        >>> [round(part) for part in seen("#FFFFFF")]
        [100, 0, 0]
    """
    rgb = _times(DEFICIENCIES[deficiency], linear(colour))
    clipped = tuple(min(1.0, max(0.0, part)) for part in rgb)
    x, y, z = (_root(part / white) for part, white in zip(_times(_TO_XYZ, clipped), _WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def linear(colour: str) -> Rgb:
    """Return red, green and blue of `#RRGGBB` as shares of light, each from 0 to 1."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _light(red), _light(green), _light(blue)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21.

    Example:
        >>> round(contrast("#FFFFFF", "#000000"), 4)
        21.0
    """
    low, high = sorted(sum(w * part for w, part in zip(_TO_XYZ[1], linear(c), strict=True)) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def difference(one: Lab, other: Lab) -> float:
    """Return how different two colours look by CIEDE2000; about 1 is just noticeable side by side.

    Example:
        >>> round(difference((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485)), 4)
        2.0425
    """
    (l1, a1, b1), (l2, a2, b2) = one, other
    stretch = 0.5 * (1 - sqrt(_saturation((hypot(a1, b1) + hypot(a2, b2)) / 2)))
    a1, a2 = a1 * (1 + stretch), a2 * (1 + stretch)
    c1, c2 = hypot(a1, b1), hypot(a2, b2)
    h1, h2 = _angle(a1, b1), _angle(a2, b2)
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    mean_h = h1 + h2 if c1 * c2 == 0 else _between(h1, h2)
    d_l = (l2 - l1) / (1 + 0.015 * (mean_l - 50) ** 2 / sqrt(20 + (mean_l - 50) ** 2))
    d_c = (c2 - c1) / (1 + 0.045 * mean_c)
    d_h = 2 * sqrt(c1 * c2) * sin(radians(turn / 2)) / (1 + 0.015 * mean_c * _hue_weight(mean_h))
    bend = -2 * sqrt(_saturation(mean_c)) * sin(radians(60 * exp(-(((mean_h - 275) / 25) ** 2))))
    return sqrt(d_l**2 + d_c**2 + d_h**2 + bend * d_c * d_h)


def _light(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _times(rows: tuple[Rgb, Rgb, Rgb], by: tuple[float, ...]) -> Rgb:
    x, y, z = (sum(a * b for a, b in zip(row, by, strict=True)) for row in rows)
    return x, y, z


def _root(part: float) -> float:
    return part ** (1 / 3) if part > (6 / 29) ** 3 else part / 3 / (6 / 29) ** 2 + 4 / 29


def _saturation(chroma: float) -> float:
    seventh: float = chroma**7
    return seventh / (seventh + 25.0**7)


def _angle(a: float, b: float) -> float:
    return degrees(atan2(b, a)) % 360


def _between(one: float, other: float) -> float:
    if abs(one - other) <= 180:
        return (one + other) / 2
    return (one + other + 360) / 2 if one + other < 360 else (one + other - 360) / 2


def _hue_weight(hue: float) -> float:
    parts = ((-0.17, hue - 30), (0.24, 2 * hue), (0.32, 3 * hue + 6), (-0.2, 4 * hue - 63))
    return 1 + sum(weight * cos(radians(angle)) for weight, angle in parts)
