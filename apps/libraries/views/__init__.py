"""The pages of libraries and documents."""
