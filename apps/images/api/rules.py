"""What a team's admins keep: its rules for pictures, styles, word lists, reports. For keys with the scope of rules."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.db import IntegrityError
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.request import Request
from rest_framework.response import Response

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.core.errors import Invalid, NotFound
from apps.images import files, policies, reports
from apps.images.api.asked import fields, query, text
from apps.images.api.base import ImagesView
from apps.images.api.shown import list_json, notice_json, report_json, style_json
from apps.images.models import Style, WordList
from apps.images.policy_forms import NAMES, NUMBERS, PolicyForm, StyleForm, WordListForm
from apps.users.access import TeamAccess, access_team
from apps.users.api_auth import asked_team, person_of
from apps.users.models import KeyScope

Row = TypeVar("Row", Style, WordList)
STYLE = ("name", "prompt", "negative")
WORDS = ("name", "words")
DECISIONS = ("keep", "take-down", "bring-back")


class NotTaken(Invalid):
    """A field that an admin's form refuses. Params: field, reason."""

    status = 422
    code = "image-rule"
    title = gettext_lazy("This cannot be kept")
    detail = "%(reason)s"


class RulesView(ImagesView):
    """The team's rules for pictures; those of the installation hold beside them."""

    scope = KeyScope.IMAGE_RULES

    def get(self, request: Request) -> Response:
        """Return them."""
        query(request, ())
        policy = policies.policy_of(_access(request).team)
        return Response({name: getattr(policy, name) for name in policies.FIELDS})

    def patch(self, request: Request) -> Response:
        """Change those that are named."""
        access, said = _access(request), fields(request, policies.FIELDS)
        policy = policies.policy_of(access.team)
        form = PolicyForm({name: getattr(policy, name) for name in policies.FIELDS} | said, instance=policy)
        kept = policies.set_policy(user=person_of(request), access=access, said=_taken(form))
        return Response({name: getattr(kept, name) for name in policies.FIELDS})


class StylesView(ImagesView):
    """The team's styles; everybody in it chooses among them."""

    scopes = {"GET": KeyScope.IMAGES, "POST": KeyScope.IMAGE_RULES}

    def get(self, request: Request) -> Response:
        """Return them by name; `settings` are locked while a style is chosen."""
        query(request, ())
        return Response({"results": [style_json(row) for row in Style.objects.filter(team=asked_team(request))]})

    def post(self, request: Request) -> Response:
        """Make one."""
        return Response(style_json(_kept_style(request, Style(team=asked_team(request)))), status=201)


class StyleView(ImagesView):
    """One style."""

    scope = KeyScope.IMAGE_RULES

    def patch(self, request: Request, style_id: UUID) -> Response:
        """Change what is named; `settings` as a whole."""
        return Response(style_json(_kept_style(request, policies.style_of(_access(request), style_id))))

    def delete(self, request: Request, style_id: UUID) -> Response:
        """Delete it; pictures that were drawn with it stay."""
        access = _access(request)
        policies.delete(user=person_of(request), access=access, row=policies.style_of(access, style_id))
        return Response(status=204)


class WordListsView(ImagesView):
    """Words that `__name__` in a prompt stands for."""

    scopes = {"GET": KeyScope.IMAGES, "POST": KeyScope.IMAGE_RULES}

    def get(self, request: Request) -> Response:
        """Return them by name."""
        query(request, ())
        return Response({"results": [list_json(row) for row in WordList.objects.filter(team=asked_team(request))]})

    def post(self, request: Request) -> Response:
        """Make one; `words` one a line."""
        return Response(list_json(_kept_list(request, WordList(team=asked_team(request)))), status=201)


class WordListView(ImagesView):
    """One word list."""

    scope = KeyScope.IMAGE_RULES

    def patch(self, request: Request, list_id: UUID) -> Response:
        """Change it."""
        return Response(list_json(_kept_list(request, policies.word_list_of(_access(request), list_id))))

    def delete(self, request: Request, list_id: UUID) -> Response:
        """Delete it."""
        access = _access(request)
        policies.delete(user=person_of(request), access=access, row=policies.word_list_of(access, list_id))
        return Response(status=204)


class ReportsView(ImagesView):
    """What was said of pictures: the open reports first."""

    scope = KeyScope.IMAGE_RULES

    def get(self, request: Request) -> Response:
        """Return the newest."""
        query(request, ())
        return Response({"results": [report_json(row) for row in reports.reports_of(_access(request))]})


class ReportView(ImagesView):
    """One report."""

    scope = KeyScope.IMAGE_RULES

    def get(self, request: Request, report_id: UUID) -> HttpResponse:
        """Return the picture of an open report as a small WebP, as much of it as serves to judge."""
        picture = reports.reported_picture(_access(request), report_id)
        try:
            data = files.read(picture.thumbnail)
        except (FileNotFoundError, ValueError) as error:  # ValueError: no name
            raise NotFound from error
        headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(data, content_type="image/webp", headers=headers)

    def post(self, request: Request, report_id: UUID) -> Response:
        """Decide: `verdict` keep, take-down or bring-back, with a `reason`."""
        data, access, user = fields(request, {"verdict", "reason"}), _access(request), person_of(request)
        verdict, reason = data.get("verdict"), text(data, "reason", reports.REASON_CHARS)
        if verdict not in DECISIONS:
            raise Invalid(field="verdict")
        if verdict == "keep":
            reports.keep(user=user, access=access, report_id=report_id, reason=reason)
        elif verdict == "take-down":
            reports.take_down(user=user, access=access, report_id=report_id, reason=reason)
        else:
            reports.bring_back(user=user, access=access, report_id=report_id)
        return Response(report_json(reports.access_report(access, report_id)))


class NoticesView(ImagesView):
    """Why pictures of the person were taken down, as far as they have not said that they know."""

    def get(self, request: Request) -> Response:
        """Return them."""
        query(request, ())
        team = asked_team(request)
        found = [each for each in reports.notices_for(person_of(request)) if each.team_id == team.pk]
        return Response({"results": [notice_json(each) for each in found]})


class NoticeView(ImagesView):
    """One of them."""

    def delete(self, request: Request, report_id: UUID) -> Response:
        """Say that it was seen."""
        notices = reports.notices_for(person_of(request))
        if not any(each.pk == report_id and each.team_id == asked_team(request).pk for each in notices):
            raise NotFound
        reports.acknowledge(user=person_of(request), report_id=report_id)
        return Response(status=204)


def _access(request: Request) -> TeamAccess:
    """Return the key's team for one of its admins. Raises Forbidden for others."""
    return access_team(person_of(request), asked_team(request).pk, may=policies.MAY)


def _kept_style(request: Request, row: Style) -> Style:
    access, said = _access(request), fields(request, {*STYLE, "settings"})
    settings = said.pop("settings", row.settings)
    if not isinstance(settings, Mapping) or set(settings) - {*NAMES, *NUMBERS}:
        raise Invalid(field="settings")
    models = {each.name: each.title for each in usable_models(AIModel.Kind.IMAGE, team_id=access.team.pk)}
    values = {name: getattr(row, name) for name in STYLE} | said | dict(settings)
    form = StyleForm(values, instance=row, models=models)
    _taken(form)
    return _saved(request, access, form.save(commit=False))


def _kept_list(request: Request, row: WordList) -> WordList:
    access, said = _access(request), fields(request, WORDS)
    form = WordListForm({name: getattr(row, name) for name in WORDS} | said, instance=row)
    _taken(form)
    changed: WordList = form.save(commit=False)
    return _saved(request, access, changed)


def _saved(request: Request, access: TeamAccess, row: Row) -> Row:
    try:
        policies.save(user=person_of(request), access=access, row=row)
    except IntegrityError as error:
        raise NotTaken(field="name", reason=_("There is one with this name already.")) from error
    return row


def _taken(form: forms.ModelForm) -> dict[str, Any]:  # type: ignore[type-arg]  # no generic at run time
    """Return what a form understood. Raises NotTaken with the first thing that it refuses."""
    if not form.is_valid():
        field, messages = next(iter(form.errors.items()))
        raise NotTaken(field="" if field == "__all__" else field, reason=str(messages[0]))
    return dict(form.cleaned_data)
