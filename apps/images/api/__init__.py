"""The REST API of the image studio, and OpenAI's two routes."""
