"""Every address of the product."""

from typing import Any

from django.urls import URLPattern, URLResolver, include, path

from apps.chat.consumers import ConversationConsumer
from apps.console.admin_site import site as admin_site
from apps.core import views as core
from apps.users.views import set_language

handler404 = "apps.core.middleware.page_not_found"
urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", core.healthz, name="healthz"),
    path("readyz", core.readyz, name="readyz"),
    path("i18n/language/", set_language, name="set_language"),
    path("accounts/", include("apps.users.account_urls")),
    path("api/v1/", include("kb_project.api_urls")),
    path("v1/", include("kb_project.openai_urls")),
    path("teams/", include("apps.users.urls")),
    path("libraries/", include("apps.libraries.urls")),
    path("", include("apps.images.team_urls")),
    path("images/", include("apps.images.urls")),
    path("system/", include("apps.console.urls")),
    path("system/django/", admin_site.urls),
    path("", include("apps.console.key_urls")),
    path("", include("apps.audit.urls")),
    path("", include("apps.metering.urls")),
    path("", include("apps.catalog.urls")),
    path("", include("apps.ingestion.urls")),
    path("", include("apps.chat.urls")),
    path("", include("apps.evaluation.urls")),
]
websocket_urlpatterns: list[Any] = [
    path("ws/chat/<uuid:conversation_id>/", ConversationConsumer.as_asgi()),  # type: ignore[arg-type]  # an ASGI app
]
