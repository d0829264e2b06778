"""Addresses of the log."""

from django.urls import path

from apps.audit import views

app_name = "audit"
urlpatterns = [
    path("system/audit/", views.system_log, name="system"),
    path("teams/<uuid:team_id>/audit/", views.team_log, name="team"),
]
