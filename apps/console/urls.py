"""Addresses below /system/ that belong to no other app."""

from django.urls import path

from apps.console import views

app_name = "console"
urlpatterns = [path("", views.overview, name="overview")]
