"""A browser whose person just typed their password, as dangerous steps ask for."""

import time

from django.test import Client


def prove_lately(client: Client) -> Client:
    """Return the browser with allauth's record of a password of this moment in its session."""
    session = client.session
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session.save()
    return client
