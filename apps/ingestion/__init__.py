"""From uploaded bytes to a searchable document."""
