"""What happened to people and teams, told upwards: this app may not import the audit log above it."""

from django.dispatch import Signal

# Arguments: action (str), actor (User | None), team (Team | None), target (Model | None), detail (dict).
# Sent inside the transaction of the change, so a change that cannot be recorded does not happen.
happened = Signal()
