"""Conversations, streamed answers, citations."""
