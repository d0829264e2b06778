"""The answer pipeline: plain Python, and search.py, its only ORM file."""
