"""Addresses of uploads and jobs."""

from django.urls import path

from apps.ingestion import views

app_name = "ingestion"
urlpatterns = [
    path("libraries/<uuid:library_id>/upload/", views.upload, name="upload"),
    path("documents/<uuid:document_id>/retry/", views.retry, name="retry"),
    path("documents/<uuid:document_id>/cancel/", views.cancel, name="cancel"),
]
