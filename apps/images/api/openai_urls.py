"""OpenAI's routes: below /v1/, and below /api/v1/ for clients whose base address that is."""

from django.urls import path

from apps.images.api.handing_out import HandedOutView
from apps.images.api.openai import GenerationsView
from apps.images.api.openai_edits import EditsView

urlpatterns = [
    path("images/generations", GenerationsView.as_view(), name="openai-generations"),
    path("images/edits", EditsView.as_view(), name="openai-edits"),
    path("images/files/<str:token>", HandedOutView.as_view(), name="openai-file"),
]
