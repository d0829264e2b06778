"""The apps of Zhiku; who may import whom is in pyproject.toml."""
