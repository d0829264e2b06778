"""What an order costs while it is being set, in words; the form as it is then is kept as the person's draft."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from apps.core.errors import AppError
from apps.images import drafts, services, token_counts
from apps.images.orders import Order
from apps.images.resolving import model_of
from apps.images.studio_page import left_of
from apps.images.views.shared import posted_order, team_of
from apps.images.wording import time_of
from apps.metering.models import Resource
from apps.metering.wording import amount_of
from apps.users.requests import PersonRequest


@require_POST
@login_required
def estimate(request: PersonRequest) -> JsonResponse:
    """Return what the order in the body costs, how long its texts are, and what is left, all in words."""
    team = team_of(request)
    try:
        order = posted_order(request)
        drafts.keep(request.user, team, order)
        found = services.estimate(user=request.user, team=team, order=order)
        tokens = _tokens(request, order)
    except AppError as error:  # while somebody types, what is not yet complete is no failure of the request
        return JsonResponse({"problem": error.sentence(), "code": error.code, **error.params})
    left = {"studio": {"left": left_of(request.user, team)}}
    return JsonResponse({
        "cost": _cost(found),
        "pictures": found.pictures,
        "cells": found.cells,
        "tokens": tokens,
        "left": render_to_string("images/parts/left.html", left, request),
    })  # fmt: skip


def _cost(found: services.Estimate) -> str:
    pictures = ngettext("%(n)s picture", "%(n)s pictures", found.pictures) % {"n": found.pictures}
    size = "" if found.size is None else "{} × {}".format(*found.size)
    steps = amount_of(Resource.PIXEL_STEPS, found.pixel_steps)
    time = "" if found.seconds is None else _("about %(time)s") % {"time": time_of(found.seconds)}
    return " · ".join(filter(None, (pictures, size, steps, time)))


def _tokens(request: PersonRequest, order: Order) -> dict[str, dict[str, Any]]:
    model = model_of(request.user, team_of(request), order.model)
    found: dict[str, dict[str, Any]] = {}
    for name, text in (("prompt", order.prompt), ("negative", order.negative)):
        count = token_counts.count(model, text, order.steps)
        if count is None or not text.strip():
            found[name] = {"text": "", "chunks": 0}
        else:
            found[name] = {"text": f"{count.used}/{count.room}", "chunks": token_counts.chunks_of(count)}
    return found
