"""The sign-in page: allauth's, with what this installation offers."""

from typing import Any

from allauth.account import views as allauth
from django.conf import settings

from apps.users.security_views import can_use_passkeys


class LoginView(allauth.LoginView):  # type: ignore[misc]  # allauth ships no types
    """Shows the ways to sign in that work here."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the form, and whether passkeys, sign-up and single sign-on are offered."""
        env = settings.ENV
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {
            "signup_open": env.signup_open,
            "offers_passkeys": can_use_passkeys(self.request),
            "oidc_name": env.oidc_name if env.oidc_issuer else "",
        }
