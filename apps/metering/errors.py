"""Expected failures of quotas."""

from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.errors import AppError
from apps.metering.models import Resource


class QuotaExceeded(AppError):
    """A limit is used up.

    Params: resource, limit, scope, window, resets_at (ISO 8601, None for never), retry_after (seconds or None).
    """

    status = 429
    code = "quota-exceeded"
    title = gettext_lazy("A limit is used up")

    def sentence(self) -> str:
        """Return what is used up and when it is there again."""
        limit, resource = self.params["limit"], Resource(str(self.params["resource"])).label
        resets_at = parse_datetime(str(self.params["resets_at"] or ""))
        if resets_at is None:
            return _("%(limit)s %(resource)s are used up. An administrator can raise the limit.") % {
                "limit": formats.localize(limit), "resource": resource
            }  # fmt: skip
        when = formats.date_format(timezone.localtime(resets_at), "DATETIME_FORMAT")
        return _("%(limit)s %(resource)s are used up. The count starts again at %(when)s.") % {
            "limit": formats.localize(limit), "resource": resource, "when": when
        }  # fmt: skip

    def headers(self) -> dict[str, str]:
        """Return Retry-After in seconds, where waiting helps."""
        wait = self.params["retry_after"]
        return {} if wait is None else {"Retry-After": str(wait)}
