"""Addresses below /teams/."""

from django.urls import path

from apps.users import team_views as views

app_name = "users"
urlpatterns = [
    path("", views.teams, name="teams"),
    path("switch/", views.switch, name="switch"),
    path("join/<str:token>/", views.invitation, name="invitation"),
    path("<uuid:team_id>/", views.team, name="team"),
    path("<uuid:team_id>/rename/", views.rename, name="rename"),
    path("<uuid:team_id>/leave/", views.leave, name="leave"),
    path("<uuid:team_id>/invitations/", views.invite, name="invite"),
    path("<uuid:team_id>/invitations/<uuid:invitation_id>/revoke/", views.revoke, name="revoke"),
    path("<uuid:team_id>/members/<uuid:membership_id>/role/", views.change_role, name="role"),
    path("<uuid:team_id>/members/<uuid:membership_id>/remove/", views.remove, name="remove"),
]
