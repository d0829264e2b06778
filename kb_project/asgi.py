"""HTTP and websockets. This process never runs a model or a parser."""

import os
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_project.settings")
http: Any = get_asgi_application()  # its stubs and the router's disagree about the type of an application

from django.conf import settings  # noqa: E402

import kb_project.celery  # noqa: E402, F401  (else a task that is rung here goes to Celery's default broker)
from apps.core import heartbeat  # noqa: E402
from apps.core.bodylimit import BodyLimit  # noqa: E402
from apps.users.wall import for_nobody  # noqa: E402
from kb_project.urls import websocket_urlpatterns  # noqa: E402  (the apps must be loaded first)

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(http, upload_mib=settings.ENV.upload_max_mib),
        "websocket": for_nobody(AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))),
    }
)
if settings.ENV.process == "web":  # not where a test or a tool loads this module
    heartbeat.keep_giving("web")
