"""The prompt assistant: a theme in any language becomes an English prompt by a chat model and rules."""
