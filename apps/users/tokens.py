"""Secrets of links: random, and stored as their SHA-256 alone."""

import hashlib
import secrets

TOKEN_BYTES = 32


def fresh_token() -> str:
    """Return 256 random bits as text for an address."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> str:
    """Return the SHA-256 of a token, in hex."""
    return hashlib.sha256(token.encode()).hexdigest()
