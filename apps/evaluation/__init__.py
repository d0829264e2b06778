"""Measuring retrieval and answers over question sets."""
