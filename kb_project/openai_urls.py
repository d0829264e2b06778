"""Addresses of OpenAI's API, below /v1/: what is not here answers in OpenAI's shape too."""

from django.urls import path

from apps.images.api.openai import NothingView
from apps.images.api.openai_urls import urlpatterns as images

app_name = "openai"
urlpatterns = [*images, path("<path:rest>", NothingView.as_view(), name="nothing")]
