"""Pictures by diffusers: the engine that the product draws with, and the demonstration model that ships with it."""
