"""What the fits of support are weighed by."""

from dataclasses import replace

import numpy as np
import pytest

from apps.evaluation.calibration import Rows, fitted


def rows(name: str, answered: float, left_out: float) -> Rows:
    """Return twenty rows with one sign each: ten questions as they are, and with their documents left out."""
    signs = np.array([*np.linspace(answered, answered + 0.2, 10), *np.linspace(left_out, left_out + 0.2, 10)])
    labels = np.array([1.0] * 10 + [0.0] * 10)
    groups = tuple(f"{name} {place % 10}" for place in range(20))
    return Rows(name, signs[:, None], labels, groups, ("",) * 20, labels)


@pytest.mark.parametrize("names", [("one", "two"), ("two", "one")])
def test_what_was_left_out_of_a_doubtful_set_says_little(names: tuple[str, str]) -> None:
    clear, doubtful = rows(names[0], 0.8, 0.2), rows(names[1], 0.8, 0.75)

    plain = fitted([clear, doubtful], slice(None)).model
    doubted = fitted([clear, replace(doubtful, is_doubtful=True)], slice(None)).model

    at = np.array([[0.75]])
    assert doubted.probabilities(at)[0] > plain.probabilities(at)[0]
    assert doubted.weights[0] > plain.weights[0] > 0
