"""Django's admin as a second tool: read-only, for administrators with a second factor, without anybody's content.

It is for looking up rows when the console does not show enough. Documents, passages, conversations, messages and
secrets are not registered: no tool of the product shows them to administrators.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from apps.audit.models import AuditEvent
from apps.catalog.models import AIModel, ModelAccess, ModelJob, TeamDefault
from apps.core.errors import NotFound
from apps.ingestion.models import IngestionJob
from apps.metering.models import Counter, Price, Quota, Reservation
from apps.users.access import require_system_admin
from apps.users.errors import SecondFactorMissing
from apps.users.mfa import has_second_factor
from apps.users.models import ApiKey, Group, Invitation, Membership, Team, TeamDomain, User

SECRET = frozenset({"password", "credential", "secret_hash", "token_hash", "error_log", "session_epoch"})


class Site(admin.AdminSite):
    """The admin under the product's own sign-in."""

    site_header = site_title = "Zhiku"
    index_title = _("Rows of the database, read-only")
    enable_nav_sidebar = False
    final_catch_all_view = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the person is an administrator with a second factor; others see no such page."""
        user = request.user
        if not isinstance(user, User):
            return False
        require_system_admin(user)
        if not has_second_factor(user):
            raise SecondFactorMissing
        return True

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 -- as Django declares it
        """Return the view behind the product's own sign-in."""
        return login_required(super().admin_view(view, cacheable))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send people to the product's own sign-in: there is no second one."""
        if request.user.is_authenticated:
            raise NotFound
        return redirect_to_login(request.get_full_path())


class Reading(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for mypy, not at run time
    """Rows to read; nothing can be added, changed or deleted here."""

    list_per_page = 50
    show_full_result_count = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Refuse."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Allow whom the site let in."""
        return True

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        """Return the names of the columns without secrets."""
        return [field.name for field in self.opts.fields if field.name not in SECRET]


def _reading(*columns: str, search: tuple[str, ...] = (), filters: tuple[str, ...] = ()) -> type[Reading]:
    return type("Rows", (Reading,), {"list_display": columns, "search_fields": search, "list_filter": filters})


site = Site(name="admin")
site.register(User, _reading("email", "name", "is_active", "is_superuser", "date_joined", search=("email", "name")))
site.register(Team, _reading("name", "created_at", "suspended_at", "deletion_at", search=("name",)))
site.register(Membership, _reading("team", "user", "role", "suspended_at", search=("user__email",)))
site.register(Group, _reading("team", "name", search=("name",)))
site.register(TeamDomain, _reading("team", "domain", "role"))
site.register(Invitation, _reading("team", "role", "email", "expires_at", "accepted_at", "revoked_at"))
site.register(
    ApiKey, _reading("prefix", "name", "team", "user", "last_used_at", "revoked_at", search=("prefix", "name"))
)
site.register(
    AIModel, _reading("name", "kind", "runtime", "state", "is_default", "is_enabled", filters=("kind", "state"))
)
site.register(ModelAccess, _reading("model", "team", "group"))
site.register(TeamDefault, _reading("team", "kind", "model"))
site.register(ModelJob, _reading("model", "kind", "state", "created_at", filters=("state",)))
site.register(Quota, _reading("scope", "resource", "window", "limit", "is_enabled", filters=("scope", "resource")))
site.register(Counter, _reading("scope", "subject", "resource", "window", "starts_at", "used", "held"))
site.register(Reservation, _reading("state", "user_key", "team_key", "expires_at", filters=("state",)))
site.register(Price, _reading("model", "resource", "micros_per_million", "starts_on"))
site.register(
    IngestionJob,
    type(
        "JobRows",
        (Reading,),
        {
            "list_display": ("id", "team", "kind", "state", "stage", "error_code", "created_at"),
            "list_filter": ("state", "kind"),
            "fields": ("id", "team", "kind", "state", "stage", "done", "total", "attempts", "error_code", "created_at"),
            "get_fields": lambda self, request, obj=None: self.fields,
        },
    ),
)
site.register(
    AuditEvent, _reading("sequence", "at", "action", "actor_email", "team_id", search=("action", "actor_email"))
)
