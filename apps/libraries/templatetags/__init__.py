"""Template tags of the library pages."""
