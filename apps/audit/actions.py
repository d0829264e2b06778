"""What the actions of the log are called, and which family they belong to."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Family:
    """Actions that begin with the same words: what they are called together, and their icon."""

    title: str | Promise
    icon: str
    prefixes: tuple[str, ...]


FAMILIES = {
    "people": Family(_("People and sign-ins"), "circle-user", ("user.", "session.", "mfa.", "sso.")),
    "teams": Family(
        _("Teams, groups and invitations"), "users", ("team.", "member.", "invitation.", "group.", "domain.")
    ),
    "rights": Family(_("Rights"), "shield-check", ("grant.", "place.", "restricted.")),
    "keys": Family(_("API keys"), "key", ("key.",)),
    "libraries": Family(
        _("Libraries and documents"),
        "library",
        ("library.", "document.", "documents.", "folder.", "chunk.", "view.", "web.", "jobs.", "answer."),
    ),
    "evaluation": Family(_("Evaluation"), "list-checks", ("question-set.", "run.", "gap.")),
    "models": Family(_("Models"), "cpu", ("model.", "embedding-model.", "price.")),
    "limits": Family(_("Limits"), "gauge", ("quota.",)),
    "conversations": Family(_("Conversations"), "message-square", ("conversation.", "opening.")),
    "audit": Family(_("The log itself"), "scroll-text", ("audit.", "export.")),
}
OTHERS = Family(_("Others"), "activity", ())
_WORDS: dict[str, str | Promise] = {
    "user.created": _("Account created"),
    "user.signed-in": _("Signed in"),
    "user.signed-out": _("Signed out"),
    "user.signed-out-everywhere": _("Signed out everywhere"),
    "user.sign-in-failed": _("Sign-in refused"),
    "user.password-changed": _("Password changed"),
    "user.password-reset": _("Password set through a mail"),
    "user.suspended": _("Account suspended"),
    "user.resumed": _("Account resumed"),
    "team.created": _("Team created"),
    "team.renamed": _("Team renamed"),
    "team.deletion-asked": _("Deletion of the team asked for"),
    "team.deleted": _("Team deleted"),
    "member.added": _("Member added"),
    "member.removed": _("Member removed"),
    "member.left": _("Left the team"),
    "member.role": _("Role changed"),
    "invitation.made": _("Invitation made"),
    "invitation.accepted": _("Invitation accepted"),
    "invitation.revoked": _("Invitation revoked"),
    "library.created": _("Library created"),
    "library.deleted": _("Library deleted"),
    "library.renamed": _("Library renamed"),
    "document.deleted": _("Document deleted"),
    "document.restored": _("Document restored"),
    "document.replaced": _("Document replaced"),
    "document.renamed": _("Document renamed"),
    "documents.removed": _("Documents deleted for good"),
    "conversation.deleted": _("Conversation deleted"),
    "conversation.restored": _("Conversation restored"),
    "embedding-model.switch-started": _("Change of the embedding model begun"),
    "embedding-model.switched": _("Embedding model changed"),
    "audit.exported": _("Log exported"),
}


def family_of(action: str) -> Family:
    """Return the family of an action."""
    return next((one for one in FAMILIES.values() if action.startswith(one.prefixes)), OTHERS)


def words_of(action: str) -> str:
    """Return what an action is called; one without a name of its own is told by its code."""
    return str(_WORDS.get(action) or action.replace(".", ": ").replace("-", " "))
