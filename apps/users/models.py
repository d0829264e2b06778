"""People, the teams they work in, and the invitations that bring them there."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.models import Record


class UserManager(BaseUserManager["User"]):
    """Creates accounts; the e-mail is the login and is kept in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a person. Without a password the account cannot sign in until one is set."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an administrator of the installation."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in by e-mail."""

    class Theme(models.TextChoices):
        SYSTEM = "system", _("As the system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("e-mail"), max_length=254)
    name = models.CharField(_("name"), max_length=100, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    theme = models.CharField(_("theme"), max_length=10, choices=Theme, default=Theme.SYSTEM)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    session_epoch = models.PositiveIntegerField(default=0)  # raised by "sign out everywhere"; part of the session hash
    date_joined = models.DateTimeField(default=timezone.now)
    last_active_at = models.DateTimeField(null=True, blank=True)  # kept to some minutes, by users/activity.py

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique")]

    def __str__(self) -> str:
        return self.name or self.email

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        base: str = super()._get_session_auth_hash(secret)  # type: ignore[misc]  # the stubs leave it out
        return f"{base}:{self.session_epoch}"


class Role(models.TextChoices):
    """What a member may do, from least to most."""

    VIEWER = "viewer", _("Viewer")
    EDITOR = "editor", _("Editor")
    ADMIN = "admin", _("Admin")
    OWNER = "owner", _("Owner")

    @property
    def rank(self) -> int:
        """Return 0 for viewer to 3 for owner."""
        return list(Role).index(self)

    def covers(self, other: Role) -> bool:
        """Return whether this role may do all that `other` may."""
        return self.rank >= other.rank


class TeamQuerySet(models.QuerySet["Team"]):
    """Sets of teams."""

    def of(self, user: User) -> TeamQuerySet:
        """Return the teams that the person is a member of now."""
        return self.filter(memberships__in=Membership.objects.live().filter(user=user))


class Team(Record):
    """A tenant: nothing inside it can be seen from another one."""

    name = models.CharField(_("name"), max_length=100)
    requires_mfa = models.BooleanField(default=False)  # members without a second factor must set one up first
    suspended_at = models.DateTimeField(null=True, blank=True)  # nobody gets in; nothing is lost
    deletion_at = models.DateTimeField(null=True, blank=True)  # nobody gets in; from this moment on a task removes it
    removal_lease_until = models.DateTimeField(null=True, blank=True)  # of the task that removes it

    objects = TeamQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Sets of memberships."""

    def live(self) -> MembershipQuerySet:
        """Return those that count now: neither they, nor their person, nor their team is suspended or going away."""
        return self.filter(suspended_at=None, user__is_active=True, team__suspended_at=None, team__deletion_at=None)


class Membership(Record):
    """A person's role in a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    suspended_at = models.DateTimeField(null=True, blank=True)  # in this team alone; User.is_active is for all
    is_synced = models.BooleanField(default=False, db_default=False)  # made by single sign-on, which may end it
    last_active_at = models.DateTimeField(null=True, blank=True)  # in this team; kept to some minutes

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="membership_unique")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}: {self.role}"

    @property
    def rank(self) -> int:
        """Return 0 for a viewer to 3 for an owner."""
        return Role(self.role).rank


class PastMember(models.Model):
    """Somebody who left a team or was taken out of it: their address's domain does not bring them back by itself."""

    id: int
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="past_member_unique")]

    def __str__(self) -> str:
        return f"{self.user} was in {self.team}"


class Invitation(Record):
    """A link that makes whoever opens it a member. Only the SHA-256 of its token is stored.

    One that goes by mail has no token before the task that sends it makes one, so that no queue ever holds it.
    """

    class Mail(models.TextChoices):
        NONE = "", _("Link")
        WAITING = "waiting", _("On its way")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Not sent")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    email = models.EmailField(blank=True)  # where given, only this address may use the link
    token_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)
    mail = models.CharField(max_length=10, choices=Mail, default=Mail.NONE, blank=True, db_default="")
    mailed_at = models.DateTimeField(null=True, blank=True)  # asked for, sent or failed then, by `mail`
    mails = models.PositiveSmallIntegerField(default=0, db_default=0)  # asked for so far
    language = models.CharField(max_length=10, blank=True, db_default="")  # of the mail, for an unknown address

    class Meta:
        indexes = [
            models.Index(fields=["team", "-created_at"], name="invitation_of_team"),
            models.Index(fields=["mailed_at"], condition=models.Q(mail="waiting"), name="invitation_mail_due"),
        ]

    def __str__(self) -> str:
        return f"{self.team}: {self.role}"

    @property
    def is_open(self) -> bool:
        """Return whether the link still works."""
        return self.accepted_at is None and self.revoked_at is None and self.expires_at > timezone.now()


class TeamDomain(Record):
    """People whose proven e-mail address is of this domain join the team by themselves."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=253)  # in lower case, without "@"
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)

    class Meta:
        ordering = ["domain"]
        constraints = [models.UniqueConstraint(fields=["team", "domain"], name="team_domain_unique")]

    def __str__(self) -> str:
        return f"{self.domain} joins {self.team}"


class Group(Record):
    """Some members of a team under a name, to be given rights and limits together."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=300, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="group_name_unique")]

    def __str__(self) -> str:
        return self.name


class GroupMember(Record):
    """A member of a group; who leaves the team leaves its groups."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="members")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="groups")
    is_synced = models.BooleanField(default=False)  # put in by single sign-on, which may take them out again

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "membership"], name="group_member_unique")]

    def __str__(self) -> str:
        return f"{self.membership} in {self.group}"


class GroupMapping(Record):
    """What a group of the single sign-on provider means here: a role in a team, and perhaps one of its groups."""

    claim = models.CharField(max_length=200)  # a value of the provider's groups claim
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="mappings")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="mappings")

    class Meta:
        ordering = ["claim"]
        constraints = [
            models.UniqueConstraint(
                fields=["claim", "team", "group"], nulls_distinct=False, name="group_mapping_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.claim}: {self.role} of {self.team}"


class KeyScope(models.TextChoices):
    """What an API key may be used for."""

    READ = "read", _("Read libraries and documents")
    SEARCH = "search", _("Search")
    ASK = "ask", _("Ask questions")
    WRITE = "write", _("Upload and change documents")
    IMAGES = "images", _("Draw pictures")
    IMAGE_RULES = "image-rules", _("Keep the team's rules for pictures")


class ApiKey(Record):
    """A secret by which a program acts in one team with at most the rights of the person who made it.

    Only the SHA-256 of the secret is stored; `prefix` is its readable beginning, by which it is looked up.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="api_keys")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")  # who made it and whom it acts as
    is_shared = models.BooleanField(default=False)  # a key of the team: its admins see and revoke it
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    secret_hash = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=20, choices=KeyScope), default=list)
    library_ids = ArrayField(models.UUIDField(), null=True, blank=True)  # None: all that the person may use
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)  # kept to the minute
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_open(self) -> bool:
        """Return whether the key itself still works; its person's rights are another matter."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())
