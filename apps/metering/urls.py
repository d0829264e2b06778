"""Addresses of use and limits; the console has those of the installation's limits and prices."""

from django.urls import path

from apps.metering import limit_views, views

app_name = "metering"
urlpatterns = [
    path("system/usage/", views.system_usage, name="usage"),
    path("teams/<uuid:team_id>/usage/", views.team_usage, name="team_usage"),
    path("teams/<uuid:team_id>/limits/", limit_views.team_limits, name="team_limits"),
    path("teams/<uuid:team_id>/limits/subjects/", limit_views.team_subjects, name="team_subjects"),
    path(
        "teams/<uuid:team_id>/limits/<uuid:quota_id>/remove/", limit_views.remove_team_limit, name="remove_team_limit"
    ),
    path("accounts/usage/", views.own_usage, name="own_usage"),
    path("left/<slug:area>/", views.left, name="left"),
]
