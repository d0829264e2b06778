"""Quotas, reservations and usage."""
