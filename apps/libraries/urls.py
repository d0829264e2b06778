"""Addresses of libraries and documents, below `libraries/`."""

from django.urls import path

from apps.libraries.views import documents, libraries

app_name = "libraries"
urlpatterns = [
    path("", libraries.library_list, name="list"),
    path("new/", libraries.create, name="create"),
    path("<uuid:library_id>/", libraries.library_page, name="library"),
    path("<uuid:library_id>/rows/", libraries.rows, name="rows"),
    path("<uuid:library_id>/progress/", libraries.progress, name="progress"),
    path("<uuid:library_id>/settings/", libraries.settings_page, name="settings"),
    path("<uuid:library_id>/delete/", libraries.delete, name="delete"),
    path("documents/<uuid:document_id>/", documents.document_page, name="document"),
    path("documents/<uuid:document_id>/text/", documents.text, name="document-text"),
    path("documents/<uuid:document_id>/file/", documents.file, name="document-file"),
    path("documents/<uuid:document_id>/delete/", documents.delete, name="document-delete"),
    path("documents/<uuid:document_id>/restore/", documents.restore, name="document-restore"),
]
