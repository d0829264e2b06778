"""Addresses of uploads and jobs."""

from django.urls import path

from apps.ingestion import views
from apps.ingestion.web import views as web

app_name = "ingestion"
urlpatterns = [
    path("libraries/<uuid:library_id>/upload/", views.upload, name="upload"),
    path("documents/<uuid:document_id>/retry/", views.retry, name="retry"),
    path("documents/<uuid:document_id>/cancel/", views.cancel, name="cancel"),
    path("libraries/<uuid:library_id>/web/", web.sources, name="web"),
    path("libraries/<uuid:library_id>/web/new/", web.create, name="web-create"),
    path("web/<uuid:source_id>/", web.source, name="web-source"),
    path("web/<uuid:source_id>/change/", web.change, name="web-change"),
    path("web/<uuid:source_id>/visit/", web.visit, name="web-visit"),
    path("web/<uuid:source_id>/stop/", web.stop, name="web-stop"),
    path("web/<uuid:source_id>/remove/", web.remove, name="web-remove"),
]
