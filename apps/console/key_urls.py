"""Addresses of API keys: below one's account and below a team."""

from django.urls import path

from apps.console import key_views as views

app_name = "keys"
urlpatterns = [
    path("accounts/keys/", views.own_keys, name="own"),
    path("accounts/keys/<uuid:key_id>/revoke/", views.revoke_own, name="revoke"),
    path("teams/<uuid:team_id>/keys/", views.team_keys, name="team"),
    path("teams/<uuid:team_id>/keys/<uuid:key_id>/revoke/", views.revoke_in_team, name="team-revoke"),
]
