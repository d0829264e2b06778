"""A real installation under seeded faults: `make chaos SEED=1 MINUTES=5`, `make chaos POINTS=10`."""
