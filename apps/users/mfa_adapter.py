"""How allauth's second factors behave here: their secrets are sealed, and the last one stays where one is required."""

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.utils.translation import gettext as _

from apps.core.crypto import seal, unseal
from apps.users.mfa import FACTORS, needs_second_factor
from apps.users.models import Team, User

PLACE = "users.authenticator"


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Seals what is stored, and keeps people from locking themselves out."""

    def encrypt(self, text: str) -> str:
        """Return the ciphertext of a TOTP secret or of the seed of recovery codes."""
        return seal(text, place=PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret."""
        return unseal(encrypted_text, place=PLACE)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002  (allauth's name)
        """Return a name for a new passkey."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return _("Passkey") if number == 1 else _("Passkey %(number)s") % {"number": number}

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Return whether it may go: the last one may not where a team or the installation requires one."""
        others = Authenticator.objects.filter(user_id=authenticator.user_id, type__in=FACTORS)
        if authenticator.type not in FACTORS or others.exclude(pk=authenticator.pk).exists():
            return True
        return not needs_second_factor(authenticator.user, Team.objects.of(authenticator.user))
