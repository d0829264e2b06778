"""What there is to choose from: models, adapters, samplers, styles, limits."""

from dataclasses import asdict

from rest_framework.request import Request
from rest_framework.response import Response

from apps.catalog.access import usable_models
from apps.catalog.adapters import fits
from apps.catalog.models import AIModel
from apps.images import quotas, safety
from apps.images.api.asked import query
from apps.images.api.base import ImagesView
from apps.images.api.shown import adapter_json, model_json
from apps.images.grammar.samplers import SAMPLERS, SCHEDULES
from apps.images.limits import limits
from apps.images.resolving import model_of
from apps.users.api_auth import asked_team, person_of


class ModelsView(ImagesView):
    """The models that draw."""

    def get(self, request: Request) -> Response:
        """Return those that the person may use, the team's default first."""
        query(request, ())
        rows = usable_models(AIModel.Kind.IMAGE, team_id=asked_team(request).pk, user=person_of(request))
        return Response({"results": [model_json(row) for row in rows]})


class AdaptersView(ImagesView):
    """LoRAs, learnt words, ControlNets, IP-Adapters, upscalers."""

    def get(self, request: Request) -> Response:
        """Return those that the person may use; with `model` those alone that go with it."""
        given, user, team = query(request, {"model"}), person_of(request), asked_team(request)
        rows = list(usable_models(AIModel.Kind.ADAPTER, team_id=team.pk, user=user))
        if "model" in given:
            model = model_of(user, team, given["model"])
            rows = [row for row in rows if fits(row, model)]
        return Response({"results": [adapter_json(row) for row in rows]})


class SamplersView(ImagesView):
    """Samplers and noise schedules."""

    def get(self, request: Request) -> Response:
        """Return them by the names that orders take; other names are refused."""
        query(request, ())
        asked_team(request)
        return Response(
            {
                "samplers": [
                    {"name": key, "title": sampler.label, "schedules": list(sampler.schedules)}
                    for key, sampler in SAMPLERS.items()
                ],
                "schedules": [{"name": key, "title": schedule.label} for key, schedule in SCHEDULES.items()],
            }
        )


class LimitsView(ImagesView):
    """How much may be asked for, and what is left."""

    def get(self, request: Request) -> Response:
        """Return the limits of one order, and the quotas that bind the person with what is left of each."""
        query(request, ())
        team = asked_team(request)
        left = quotas.left(person_of(request), team)
        return Response(
            {
                "is_open": safety.is_open(team),
                "order": asdict(limits()),
                "quotas": [
                    {"resource": each.resource, "window": each.window, "limit": each.limit, "left": each.left}
                    for each in left
                ],
            }
        )
