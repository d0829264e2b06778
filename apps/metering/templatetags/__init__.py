"""Tags of limits."""
