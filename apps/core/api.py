"""Errors of the REST API as problem+json (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from django.http import HttpResponse, JsonResponse
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from apps.core.errors import PROBLEM_PREFIX, AppError
from apps.core.middleware import problem_body

CONTENT_TYPE = "application/problem+json"


def api_problem(error: AppError) -> HttpResponse:
    """Return the problem of an expected failure outside of a view, always as JSON."""
    body = problem_body(error)
    return JsonResponse(body, status=error.status, content_type=CONTENT_TYPE, headers=error.headers())


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the problem of an expected failure; None lets Django answer 500."""
    if isinstance(error, AppError):
        body = problem_body(error)
        return Response(body, status=error.status, content_type=CONTENT_TYPE, headers=error.headers())
    response = exception_handler(error, context)
    if response is not None and isinstance(error, APIException):
        code = str(error.default_code).replace("_", "-")
        response.data = {
            "type": PROBLEM_PREFIX + code,
            "title": HTTPStatus(response.status_code).phrase,
            "status": response.status_code,
            "code": code,
            "detail": str(error.detail) if isinstance(error.detail, str) else str(error.default_detail),
            "errors": response.data,
        }
        response.content_type = CONTENT_TYPE
    return response
