"""Addresses of the REST API, below /api/v1/."""

from django.urls import path

from apps.chat.api import AnswerView, AskView, SearchView
from apps.images.api.openai_urls import urlpatterns as openai_images
from apps.images.api.urls import urlpatterns as images
from apps.ingestion.api import DocumentsView
from apps.libraries.api import DocumentView, LibrariesView, LibraryView
from apps.users.api import MeView

app_name = "api"
urlpatterns = [
    path("me", MeView.as_view(), name="me"),
    path("libraries", LibrariesView.as_view(), name="libraries"),
    path("libraries/<uuid:library_id>", LibraryView.as_view(), name="library"),
    path("libraries/<uuid:library_id>/documents", DocumentsView.as_view(), name="documents"),
    path("documents/<uuid:document_id>", DocumentView.as_view(), name="document"),
    path("search", SearchView.as_view(), name="search"),
    path("ask", AskView.as_view(), name="ask"),
    path("answers/<uuid:message_id>", AnswerView.as_view(), name="answer"),
    *images,
    *openai_images,
]
