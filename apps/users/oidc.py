"""Single sign-on by OpenID Connect: allauth's flow, with our HTTP, our addresses and our idea of an account.

The operator names one provider at deploy time (`KB_OIDC_…`). Its services are asked through core/netfetch alone, at the
issuer's host and at the hosts of KB_OIDC_HOSTS; a private one must be named there. The id token's signature is always
checked, and what the userinfo service says must be about the same person. Nothing that a claim names is fetched.
"""

from typing import Any

from allauth.account.internal.emailkit import valid_email_or_none
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache

from apps.core.middleware import problem
from apps.core.netfetch import FetchRefused, vet_url
from apps.users.errors import AddressNotProven, SignOnFailed
from apps.users.models import User
from apps.users.oidc_http import Session, policy
from apps.users.signals import tell

PROVIDER = "sso"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class SignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Decides whom single sign-on lets in, and what of their claims is kept."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return the provider of the settings; no other can be added at run time."""
        env = settings.ENV
        wanted = provider in {None, PROVIDER, "openid_connect"} and client_id in {None, env.oidc_client_id}
        if not env.oidc_issuer or not wanted:
            return []
        how = {"server_url": env.oidc_issuer.rstrip("/"), "oauth_pkce_enabled": True, "scope": env.oidc_scopes.split()}
        return [
            SocialApp(
                provider="openid_connect",
                provider_id=PROVIDER,
                name=env.oidc_name,
                client_id=env.oidc_client_id,
                secret=env.oidc_client_secret.get_secret_value(),
                settings=how,
            )
        ]

    def get_requests_session(self) -> Session:
        """Return what the flow speaks HTTP with."""
        return Session(policy())

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """Return that an address proven by the provider opens the account with it: the operator chose the provider."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Refuse somebody new whose address the provider did not prove: it may be anybody's."""
        proven = [one for one in sociallogin.email_addresses if one.verified]
        if not sociallogin.is_existing and not proven:
            raise ImmediateHttpResponse(problem(request, AddressNotProven()))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Return whether people that the provider knows get an account by themselves."""
        return bool(settings.ENV.oidc_signup)

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Return that nobody fills in a form: the provider said all that is needed."""
        return True

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        """Take address and name of the claims, and nothing else of them."""
        user: User = sociallogin.user
        user.email = (valid_email_or_none(data.get("email")) or "").lower()
        user.name = str(data.get("name") or "").strip()[:100]
        return user

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """Create the account; it has no password until its person sets one."""
        user: User = super().save_user(request, sociallogin, form)
        tell("user.created", actor=user, target=user, detail={"email": user.email, "by": settings.ENV.oidc_name})
        return user

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: Any) -> str:
        """Return where to go after an account was tied to the provider."""
        return reverse("account_security")

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """Show one page for whatever went wrong at the provider; none of its words."""
        raise ImmediateHttpResponse(problem(request, SignOnFailed()))


class SignOn(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth ships no types
    """The provider's services, each vetted, and what their answers must agree on."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """Return the provider's description of itself; raises OAuth2Error for another issuer's."""
        config: dict[str, Any] = super().openid_config
        if str(config.get("issuer", "")).rstrip("/") != settings.ENV.oidc_issuer.rstrip("/"):
            raise OAuth2Error("another issuer")
        try:
            for name in ENDPOINTS:  # the browser is sent to the first: no host but those that the operator named
                vet_url(str(config.get(name, "")), policy())
        except FetchRefused as error:
            raise OAuth2Error("an endpoint elsewhere") from error
        return config

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        """Return who signs on; raises OAuth2Error unless a signed id token says so and userinfo agrees."""
        raw = kwargs["response"].get("id_token")
        if not raw:
            raise OAuth2Error("no id token")
        self.did_fetch_access_token = False  # so that the signature is checked, whatever brought the token
        claims = self._decode_id_token(app, raw)
        info = self._fetch_user_info(token.token)
        if info.get("sub") != claims.get("sub"):
            raise OAuth2Error("userinfo of somebody else")
        return self.get_provider().sociallogin_from_response(request, {"userinfo": claims | info, "id_token": claims})

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Return where the provider sends the browser back to: the configured address, whatever Host came."""
        return str(settings.PUBLIC_URL) + reverse("openid_connect_callback", args=[self.provider_id])


@never_cache
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send the browser to the provider; a link from elsewhere first asks."""
    return _through(OAuth2LoginView, request, provider_id)


@never_cache
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Let somebody in whom the provider sent back."""
    return _through(OAuth2CallbackView, request, provider_id)


def _through(view: Any, request: HttpRequest, provider_id: str) -> HttpResponse:
    if not settings.ENV.oidc_issuer or provider_id != PROVIDER:
        raise Http404
    try:
        response: HttpResponse = view.adapter_view(SignOn(request, provider_id))(request)
    except OAuth2Error:
        return problem(request, SignOnFailed())
    return response
