"""What happened to chunks, told upwards: this app may not import ingestion above it."""

from django.dispatch import Signal

# Sent once the change is committed, without arguments: some chunks are `is_pending` now.
chunks_changed = Signal()
