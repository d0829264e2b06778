"""From a page that was turned upright for reading back to the page as it is shown."""

import math

from apps.ingestion.parsers.pdf_lines import Edges


def turned_size(size: tuple[float, float], degrees: int) -> tuple[float, float]:
    """Return width and height of what holds all of a page turned by `degrees` clockwise."""
    width, height = size
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    return width * cos + height * sin, width * sin + height * cos


def shown(edges: Edges, size: tuple[float, float], degrees: int) -> Edges:
    """Return where a rectangle on the turned page lies on the page as shown, both in points from the top left.

    `size` is that of the page as shown; askew rectangles become the upright ones around them.
    """
    if degrees == 0:
        return edges
    whole = turned_size(size, degrees)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    xs, ys = [], []
    for x, y in ((edges[0], edges[1]), (edges[2], edges[1]), (edges[2], edges[3]), (edges[0], edges[3])):
        from_x, from_y = x - whole[0] / 2, y - whole[1] / 2
        xs.append(from_x * cos + from_y * sin + size[0] / 2)
        ys.append(-from_x * sin + from_y * cos + size[1] / 2)
    return min(xs), min(ys), max(xs), max(ys)
