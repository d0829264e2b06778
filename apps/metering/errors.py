"""Expected failures of quotas."""

from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.errors import AppError
from apps.metering.models import Resource, Scope
from apps.metering.wording import amount_of, whose


class QuotaExceeded(AppError):
    """A limit is used up.

    Params: resource, limit, scope, window, resets_at (ISO 8601, None for never), retry_after (seconds).
    """

    status = 429
    code = "quota-exceeded"
    title = gettext_lazy("A limit is used up")

    def sentence(self) -> str:
        """Return what is used up, whose limit it is, and when it is there again."""
        resource = Resource(str(self.params["resource"]))
        limit = amount_of(resource, int(self.params["limit"] or 0))
        owner = whose(Scope(str(self.params["scope"])))
        if resource == Resource.GENERATIONS:
            return _("%(limit)s at the same time is the limit %(owner)s. Wait until one has ended.") % {
                "limit": limit, "owner": owner
            }  # fmt: skip
        resets_at = parse_datetime(str(self.params["resets_at"] or ""))
        if resets_at is None:
            return _("%(limit)s is the limit %(owner)s, and it is used up. An administrator can raise it.") % {
                "limit": limit, "owner": owner
            }  # fmt: skip
        when = formats.date_format(timezone.localtime(resets_at), "DATETIME_FORMAT")
        return _("%(limit)s is the limit %(owner)s, and it is used up. The count starts again at %(when)s.") % {
            "limit": limit, "owner": owner, "when": when
        }  # fmt: skip

    def headers(self) -> dict[str, str]:
        """Return Retry-After in seconds."""
        return {"Retry-After": str(self.params["retry_after"])}


class QuotaBusy(AppError):
    """Work under way holds the counters for so long that a limit cannot be changed now."""

    status = 503
    code = "quota-busy"
    title = gettext_lazy("The limit could not be changed just now")
    detail = gettext_lazy("Much work is under way. Nothing was changed; try again in a moment.")

    def headers(self) -> dict[str, str]:
        """Return Retry-After in seconds."""
        return {"Retry-After": "5"}


class AboveTeam(AppError):
    """A team's admin gives more than the team has."""

    status = 422
    code = "above-team-limit"
    title = gettext_lazy("This is more than the team has")
    detail = gettext_lazy("The team itself may use %(limit)s; a part of it cannot be given more.")
