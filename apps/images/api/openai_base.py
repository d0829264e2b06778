"""What OpenAI's routes share: keys alone, and errors in OpenAI's shape."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from apps.core.errors import AppError, sentence_of
from apps.core.openai_shape import NAMES, body_of, openai_body, status_of
from apps.images.api.base import ImagesView
from apps.images.models import ImageJob
from apps.users.api_auth import KeyAuthentication

FAILED_STATUS = {"image-flagged": 400, "image-cancelled": 409, "image-disk": 507, "image-right-lost": 403}


class TakesLong(AppError):
    """The pictures are not done within the longest wait. Param: job."""

    status = 504
    code = "image-takes-long"
    title = _("The pictures take longer")
    detail = _("The pictures take longer than this request waits. They go on being drawn as the job %(job)s.")

    def headers(self) -> dict[str, str]:
        """Return what keeps OpenAI's clients from ordering the same once more."""
        return {"X-Should-Retry": "false"}


class NotDrawn(Exception):
    """A job ended without a picture."""

    def __init__(self, job: ImageJob) -> None:
        super().__init__(job.error_code)
        self.job = job


def openai_response(error: Exception, _context: dict[str, Any]) -> Response | None:
    """Return a failure as OpenAI's clients read it; None lets Django answer 500."""
    if isinstance(error, TakesLong):
        body: Any = openai_body(error)
        body["error"]["job"] = error.params["job"]
        return Response(body, status=error.status, headers=error.headers())
    if isinstance(error, AppError):
        return Response(openai_body(error), status=status_of(error), headers=error.headers())
    if isinstance(error, NotDrawn):
        code = error.job.error_code or "image-failed"
        status = FAILED_STATUS.get(code, 500)
        return Response(
            body_of(message=sentence_of(code, error.job.error_params), status=status, code=code), status=status
        )
    if isinstance(error, APIException):
        code = str(error.default_code).replace("_", "-")
        message = str(error.detail) if isinstance(error.detail, str) else str(error.default_detail)
        headers = {"WWW-Authenticate": "Bearer"} if error.status_code == 401 else {}  # noqa: PLR2004 -- its meaning
        return Response(
            body_of(message=message, status=error.status_code, code=NAMES.get(code, code)),
            status=error.status_code, headers=headers,
        )  # fmt: skip
    return None


class OpenAIView(ImagesView):
    """A view that speaks OpenAI's language."""

    authentication_classes = [KeyAuthentication]

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        """Return what turns failures into answers."""
        return openai_response
