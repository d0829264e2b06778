"""Fits and judges the small logistic models by which support is calibrated. Plain numpy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
ROUNDS = 60  # of Newton's method; it needs about ten


@dataclass(frozen=True, slots=True)
class Fitted:
    """A logistic model: probability = 1 / (1 + exp(-(base + weights · features)))."""

    base: float
    weights: tuple[float, ...]

    def probabilities(self, features: Numbers) -> Numbers:
        """Return shape (rows,): how probable it is that each row is true."""
        scores = self.base + features @ np.array(self.weights)
        return np.asarray(1 / (1 + np.exp(-np.clip(scores, -30, 30))))


def fit(features: Numbers, labels: Numbers, *, penalty: float = 1.0, shares: Numbers | None = None) -> Fitted:
    """Return the model that fits `labels` (0 or 1) best; both classes weigh the same, `shares` weighs the rows.

    `penalty` draws the weights of the standardised features towards 0 (ridge), the base is free.
    """
    shares = np.ones(len(labels)) if shares is None else shares
    totals = [shares[labels == label].sum() for label in (0, 1)]
    weigh = shares / np.where(labels == 1, totals[1], totals[0]) * len(labels) / 2
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    scaled = np.column_stack([np.ones(len(labels)), (features - mean) / spread])
    ridge = np.diag([0.0] + [penalty] * features.shape[1])
    found = np.zeros(scaled.shape[1])
    for _ in range(ROUNDS):
        guess = 1 / (1 + np.exp(-np.clip(scaled @ found, -30, 30)))
        gradient = scaled.T @ (weigh * (labels - guess)) - ridge @ found
        bend = (scaled * (weigh * guess * (1 - guess))[:, None]).T @ scaled + ridge + 1e-9 * np.eye(len(found))
        step = np.linalg.solve(bend, gradient)
        found += step
        if np.abs(step).max() < 1e-8:  # noqa: PLR2004
            break
    weights = found[1:] / spread
    return Fitted(float(found[0] - weights @ mean), tuple(float(weight) for weight in weights))


def held_out(
    features: Numbers, labels: Numbers, groups: Sequence[object], *, penalty: float = 1.0, folds: int = 10
) -> Numbers:
    """Return each row's probability by a model that saw no row of its group; groups are dealt out to `folds` folds."""
    names = list(dict.fromkeys(groups))
    order = np.random.default_rng(0).permutation(len(names))
    fold_of = {names[place]: number % min(folds, len(names)) for number, place in enumerate(order)}
    fold = np.array([fold_of[group] for group in groups])
    found = np.zeros(len(labels))
    for number in range(min(folds, len(names))):
        inside = fold == number
        found[inside] = fit(features[~inside], labels[~inside], penalty=penalty).probabilities(features[inside])
    return found


def area(probabilities: Numbers, labels: Numbers) -> float:
    """Return the share of pairs of a true and a false row that are in the right order (AUC)."""
    order = np.argsort(np.argsort(probabilities, kind="stable")) + 1.0
    for value in np.unique(probabilities):
        same = probabilities == value
        order[same] = order[same].mean()
    true = labels == 1
    count = int(true.sum())
    return float((order[true].sum() - count * (count + 1) / 2) / (count * (len(labels) - count)))
