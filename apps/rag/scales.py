"""What the raw scores of an embedding model have to be measured by. Plain Python."""

COSINE_FLOORS = {"multilingual-e5": 0.7}  # about the cosine of unrelated texts, by the beginning of the model's name


def cosine_floor(model_name: str) -> float:
    """Return about the cosine that unrelated texts have under a model; 0 for one that was never measured."""
    return next((floor for start, floor in COSINE_FLOORS.items() if model_name.startswith(start)), 0.0)
