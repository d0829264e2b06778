"""The pages of the image studio and their fragments."""
