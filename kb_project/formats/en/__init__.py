"""English: 22 Nov 2026, 14:05."""
