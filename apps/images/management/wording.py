"""Tells on the terminal what was measured of an image model."""

from apps.runtimes.diffusion.demo.measuring import (
    LEAST_BACKGROUND,
    LEAST_COLOUR,
    LEAST_SHAPE,
    LEAST_WEIGHTS,
    Measured,
)


def table(measured: Measured) -> str:
    """Return the figures with their bars, one a line."""
    lines = [f"{measured.pictures} pictures"]
    for name, total, bar, parts in (
        ("colour", measured.colour, LEAST_COLOUR, measured.colours),
        ("background", measured.background, LEAST_BACKGROUND, measured.backgrounds),
        ("shape", measured.shape, LEAST_SHAPE, measured.shapes),
    ):
        lines.append(f"{name:<12}{total:7.1%}  (bar {bar:.0%})  " + _listed(parts))
    lines += [f"{share:19.1%}  (bar {LEAST_WEIGHTS:.0%})  more red: {ask}" for ask, share in measured.weights.items()]
    return "\n".join(lines)


def _listed(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in parts.items())
