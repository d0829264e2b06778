"""Addresses below /accounts/: allauth's pages that this product uses, and the person's own page."""

from allauth.account import views as allauth
from django.conf import settings
from django.urls import path, re_path

from apps.users import views

_LOGIN = {"signup_open": settings.ENV.signup_open}
urlpatterns = [
    path("", views.account, name="account"),
    path("theme/", views.theme, name="account_theme"),
    path("sign-out-everywhere/", views.sign_out_everywhere, name="account_sign_out_everywhere"),
    path("login/", allauth.LoginView.as_view(extra_context=_LOGIN), name="account_login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("signup/", allauth.signup, name="account_signup"),
    path("password/change/", allauth.password_change, name="account_change_password"),
    path("password/set/", allauth.password_set, name="account_set_password"),
    path("password/reset/", allauth.password_reset, name="account_reset_password"),
    path("password/reset/done/", allauth.password_reset_done, name="account_reset_password_done"),
    path("password/reset/key/done/", allauth.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
]
