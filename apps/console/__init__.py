"""The area in which administrators run the installation."""
