"""Django's PostgreSQL backend, behind the wall."""
