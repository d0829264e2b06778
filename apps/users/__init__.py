"""People, teams, memberships and invitations."""
