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
    "people": Family(_("People and sign-ins"), "circle-user", ("user.", "session.", "factor.", "mapping.")),
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
    "models": Family(_("Models"), "cpu", ("model.", "embedding-model.")),
    "limits": Family(_("Limits"), "gauge", ("quota.", "price.", "usage.")),
    "conversations": Family(_("Conversations"), "message-square", ("conversation.", "opening.")),
    "audit": Family(_("The log itself"), "scroll-text", ("audit.", "export.")),
}
OTHERS = Family(_("Others"), "activity", ())
_WORDS: dict[str, str | Promise] = {
    "user.created": _("Account created"),
    "user.suspended": _("Account suspended"),
    "user.resumed": _("Account resumed"),
    "user.made-admin": _("Made an administrator"),
    "user.no-admin": _("No longer an administrator"),
    "user.signed-in": _("Signed in"),
    "user.signed-out": _("Signed out"),
    "user.signed-out-everywhere": _("Signed out everywhere"),
    "user.sign-in-failed": _("Sign-in refused"),
    "user.password-changed": _("Password changed"),
    "user.password-reset": _("Password set through a mail"),
    "user.factors-reset": _("Second factors removed"),
    "factor.added": _("Second factor set up"),
    "factor.removed": _("Second factor removed by its person"),
    "factor.codes-made": _("Recovery codes made"),
    "factor.failed": _("Wrong second factor"),
    "user.locked-out": _("Account locked after wrong passwords"),
    "user.address-proven": _("E-mail address proven"),
    "session.ended": _("Session ended"),
    "user.unlocked": _("Account unlocked"),
    "team.created": _("Team created"),
    "team.renamed": _("Team renamed"),
    "team.suspended": _("Team suspended"),
    "team.resumed": _("Team resumed"),
    "team.mfa": _("Second factor for members changed"),
    "team.handed-over": _("Team handed over"),
    "team.deletion-asked": _("Deletion of the team asked for"),
    "team.deletion-undone": _("Deletion of the team called back"),
    "team.removed": _("Team removed for good"),
    "member.added": _("Member added"),
    "member.removed": _("Member removed"),
    "member.left": _("Left the team"),
    "member.role": _("Role changed"),
    "member.suspended": _("Member suspended"),
    "member.resumed": _("Member resumed"),
    "member.joined-by-domain": _("Joined by the domain of the address"),
    "domain.added": _("Domain for joining added"),
    "mapping.added": _("Group of the provider mapped"),
    "mapping.removed": _("Group of the provider no longer mapped"),
    "domain.removed": _("Domain for joining removed"),
    "group.created": _("Group created"),
    "group.renamed": _("Group renamed"),
    "group.deleted": _("Group deleted"),
    "group.member-added": _("Put into a group"),
    "group.member-removed": _("Taken out of a group"),
    "invitation.made": _("Invitation made"),
    "invitation.resent": _("Invitation sent again"),
    "invitation.accepted": _("Invitation accepted"),
    "invitation.revoked": _("Invitation revoked"),
    "grant.added": _("Right given"),
    "grant.changed": _("Right changed"),
    "grant.removed": _("Right taken away"),
    "place.restricted": _("Access restricted"),
    "place.opened": _("Access opened again"),
    "restricted.read": _("Restricted document read"),
    "key.made": _("API key made"),
    "key.used": _("API key used"),
    "key.revoked": _("API key revoked"),
    "library.created": _("Library created"),
    "library.deleted": _("Library deleted"),
    "library.renamed": _("Library renamed"),
    "library.described": _("Library described"),
    "library.fields": _("Fields of a library changed"),
    "library.paused": _("Library paused"),
    "library.resumed": _("Library resumed"),
    "library.chunking-changed": _("Cutting of a library changed"),
    "library.chunking-stopped": _("Cutting of a library stopped"),
    "library.search-changed": _("Search of a library changed"),
    "library.words-changed": _("Words of a library changed"),
    "document.uploaded": _("Document uploaded"),
    "document.deleted": _("Document deleted"),
    "document.restored": _("Document restored"),
    "document.replaced": _("Document replaced"),
    "document.renamed": _("Document renamed"),
    "document.tagged": _("Document tagged"),
    "document.cancelled": _("Reading cancelled"),
    "document.retried": _("Reading tried again"),
    "document.pages-reread": _("Pages read again"),
    "document.unlocked": _("Password of a document given"),
    "documents.moved": _("Documents moved"),
    "documents.enabled": _("Documents switched on"),
    "documents.disabled": _("Documents switched off"),
    "documents.tagged": _("Documents tagged"),
    "documents.untagged": _("Tags of documents removed"),
    "documents.owned": _("Owner of documents changed"),
    "documents.validity": _("Validity of documents changed"),
    "documents.described": _("Fields of documents filled"),
    "documents.deleted": _("Documents deleted"),
    "documents.removed": _("Documents deleted for good"),
    "documents.restored": _("Documents restored"),
    "documents.reread": _("Documents read again"),
    "folder.renamed": _("Folder renamed"),
    "chunk.added": _("Passage added"),
    "chunk.edited": _("Passage edited"),
    "chunk.split": _("Passage split"),
    "chunk.merged": _("Passages merged"),
    "chunk.deleted": _("Passage deleted"),
    "chunk.enabled": _("Passage switched on"),
    "chunk.disabled": _("Passage switched off"),
    "chunk.restored": _("Passage restored"),
    "view.saved": _("View saved"),
    "view.deleted": _("View deleted"),
    "web.added": _("Web source added"),
    "web.changed": _("Web source changed"),
    "web.removed": _("Web source removed"),
    "web.stopped": _("Web source stopped"),
    "web.visited": _("Web source visited"),
    "jobs.cleared": _("Failures taken note of"),
    "answer.enabled": _("Curated answer switched on"),
    "answer.disabled": _("Curated answer switched off"),
    "answer.created": _("Curated answer written"),
    "answer.changed": _("Curated answer changed"),
    "answer.deleted": _("Curated answer deleted"),
    "answer.restored": _("Curated answer restored"),
    "question-set.created": _("Question set made"),
    "question-set.changed": _("Question set changed"),
    "question-set.deleted": _("Question set deleted"),
    "question-set.restored": _("Question set restored"),
    "run.started": _("Question set run"),
    "gap.assigned": _("Gap assigned"),
    "gap.open": _("Gap opened again"),
    "gap.closed": _("Gap closed"),
    "gap.dismissed": _("Gap set aside"),
    "model.added": _("Model added"),
    "model.changed": _("Model changed"),
    "model.removed": _("Model removed"),
    "model.access-changed": _("Who may use a model changed"),
    "model.default-changed": _("Default model changed"),
    "model.team-default-changed": _("Default model of a team changed"),
    "model.service-changed": _("Service of a model changed"),
    "embedding-model.switch-started": _("Change of the embedding model begun"),
    "embedding-model.switch-cancelled": _("Change of the embedding model cancelled"),
    "embedding-model.switched": _("Embedding model changed"),
    "quota.set": _("Limit set"),
    "quota.removed": _("Limit removed"),
    "price.set": _("Price set"),
    "price.removed": _("Price removed"),
    "usage.exported": _("Usage exported"),
    "conversation.deleted": _("Conversation deleted"),
    "conversation.restored": _("Conversation restored"),
    "opening.asked": _("Asked to read a private conversation"),
    "opening.allowed": _("Reading of a private conversation allowed"),
    "opening.refused": _("Reading of a private conversation refused"),
    "opening.read": _("Private conversation read by an administrator"),
    "opening.ended": _("Reading of a private conversation ended"),
    "audit.exported": _("Log exported"),
}


def family_of(action: str) -> Family:
    """Return the family of an action."""
    return next((one for one in FAMILIES.values() if action.startswith(one.prefixes)), OTHERS)


def words_of(action: str) -> str:
    """Return what an action is called; one without a name of its own is told by its code."""
    return str(_WORDS.get(action) or action.replace(".", ": ").replace("-", " "))


def has_words(action: str) -> bool:
    """Return whether an action has a name of its own."""
    return action in _WORDS
