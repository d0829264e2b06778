"""The registry of models: what is installed, where it lies, who serves it."""
