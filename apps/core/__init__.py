"""Errors, events, markdown, outbound HTTP: what every app may use; imports no app."""
