"""The composition root: settings, addresses, processes; imported by no app."""
