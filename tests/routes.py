"""Every route and what it answers to whom: the table that `test_routes.py` walks.

A new route fails the test until it is listed here. The objects in its address are alice's in team t1: `anonymous` has
no session, `bob` owns another team, `ann` is a viewer of t1, `xen` was an editor of t1 and is no longer a member.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from apps.chat.models import Conversation
from apps.evaluation.models import Gap, Run, SetQuestion
from apps.ingestion.models import IngestionJob, WebSource
from apps.libraries.models import Chunk, CuratedAnswer, Document, Figure, Library
from apps.users.models import Group, Invitation, Membership, Team, TeamDomain

LOGIN = "login"  # a redirect to the sign-in page
NF = "not found"  # 404, byte for byte the answer to a random id
Expected = int | str


@dataclass(frozen=True)
class Things:
    """The objects of t1 that addresses and forms name."""

    team: Team
    membership: Membership
    invitation: Invitation
    group: Group
    domain: TeamDomain
    token: str
    library: Library
    document: Document
    curated: CuratedAnswer
    chunk: Chunk
    conversation: Conversation
    message_id: object
    view_id: object
    job: IngestionJob
    web_source: WebSource
    gap: Gap
    question: SetQuestion
    run: Run
    figure: Figure


Form = Callable[[Things], dict[str, str]]


@dataclass(frozen=True)
class Access:
    """What one method of a route answers to each persona; `form` is posted, `query` is put behind the address."""

    method: str
    anonymous: Expected
    bob: Expected
    ann: Expected
    xen: Expected
    form: Form = field(default=lambda _: {})
    query: Form = field(default=lambda _: {})


def public(method: str = "GET", status: int = 200, form: Form = lambda _: {}) -> Access:
    """Return a row for what everybody may see."""
    return Access(method, status, status, status, status, form)


def personal(method: str, status: int, form: Form = lambda _: {}) -> Access:
    """Return a row for a page about the signed-in person themselves."""
    return Access(method, LOGIN, status, status, status, form)


def protected(method: str, ann: Expected, form: Form = lambda _: {}, query: Form = lambda _: {}) -> Access:
    """Return a row for an object of t1: strangers and ex-members see what is not there."""
    return Access(method, LOGIN, NF, ann, NF, form, query)


def api(method: str, others: Expected, ann: Expected) -> Access:
    """Return a row of the REST API: 401 for whoever brings neither a session nor a key."""
    return Access(method, 401, others, ann, others)


_ROWS = (
    *("users_user", "users_team", "users_membership", "users_group", "users_teamdomain", "users_invitation"),
    *("users_apikey", "catalog_aimodel", "catalog_modelaccess", "catalog_teamdefault", "catalog_modeljob"),
    *("metering_quota", "metering_counter", "metering_reservation", "metering_price", "ingestion_ingestionjob"),
    "audit_auditevent",
)
# Django's admin: for administrators with a second factor; tests/console/test_admin_site.py speaks for them.
ADMIN = {
    f"admin:{name}": [personal("GET", 404)]
    for name in (
        *("index", "login", "password_change", "password_change_done", "autocomplete", "jsi18n", "app_list"),
        *("view_on_site", "logout"),
        *(f"{row}_{page}" for row in _ROWS for page in ("changelist", "add", "history", "delete", "change")),
    )
}
ROUTES: dict[str, list[Access]] = {
    **ADMIN,
    "healthz": [public()],
    "readyz": [public()],
    "set_language": [public("POST", 302, lambda _: {"language": "en", "next": "/"})],
    # accounts
    "account": [
        personal("GET", 200),
        personal("POST", 302, lambda _: {"name": "Me", "language": "", "theme": "light"}),
    ],
    "account_theme": [public("POST", 204, lambda _: {"theme": "dark"})],
    "account_sign_out_everywhere": [personal("POST", 302)],
    "account_security": [personal("GET", 200)],
    "account_prove_address": [personal("POST", 302)],
    "account_session_end": [personal("POST", 404)],  # another's session is not there
    "account_reauthenticate": [personal("GET", 200), personal("POST", 200)],
    "account_email_verification_sent": [public()],
    "account_confirm_email": [public(), public("POST", 404)],
    "mfa_index": [public("GET", 302)],  # leads to one's own security page
    "mfa_list_webauthn": [public("GET", 302)],
    "mfa_authenticate": [public("GET", 302), public("POST", 302)],  # nobody is in the middle of signing in
    "mfa_reauthenticate": [personal("GET", 302), personal("POST", 302)],
    "mfa_activate_totp": [personal("GET", 302), personal("POST", 302)],  # first they show who they are
    "mfa_deactivate_totp": [personal("GET", 404), personal("POST", 404)],
    "mfa_view_recovery_codes": [personal("GET", 404)],
    "mfa_generate_recovery_codes": [personal("GET", 302), personal("POST", 302)],
    "mfa_download_recovery_codes": [personal("GET", 404)],
    "mfa_add_webauthn": [personal("GET", 302), personal("POST", 302)],
    "mfa_login_webauthn": [public("GET", 302), public("POST", 302)],
    "mfa_reauthenticate_webauthn": [personal("GET", 302), personal("POST", 302)],
    "mfa_edit_webauthn": [personal("GET", 302), personal("POST", 302)],
    "mfa_remove_webauthn": [personal("GET", 302), personal("POST", 302)],
    # API keys; what is done with them: the API's rows, and tests/users/test_keys.py
    "users:team_signin": [protected("GET", 403), protected("POST", 403)],
    "users:mapping_remove": [protected("POST", 403)],
    "openid_connect_login": [public("GET", 404), public("POST", 404)],  # no provider is set up
    "openid_connect_callback": [public("GET", 404)],
    "keys:own": [personal("GET", 200), Access("POST", LOGIN, 400, 400, 404)],
    "keys:revoke": [personal("POST", 404)],
    "keys:team": [protected("GET", 403), protected("POST", 403)],
    "keys:team-revoke": [protected("POST", 403)],
    # the REST API asked by sessions; without one: 401
    "api:me": [api("GET", 200, 200)],
    "api:libraries": [Access("GET", 401, 200, 200, NF)],
    "api:library": [api("GET", NF, 200)],
    "api:documents": [api("GET", NF, 200), api("POST", NF, 403)],
    "api:document": [api("GET", NF, 200)],
    "api:search": [api("POST", 415, 415)],
    "api:ask": [api("POST", 415, 415)],
    "api:answer": [api("GET", NF, NF), api("DELETE", NF, NF)],
    "account_login": [Access("GET", 200, 302, 302, 302), Access("POST", 200, 302, 302, 302)],
    "account_logout": [Access("GET", 302, 200, 200, 200), public("POST", 302)],
    "account_inactive": [public()],
    "account_signup": [Access("GET", 200, 302, 302, 302), Access("POST", 200, 302, 302, 302)],
    "account_change_password": [personal("GET", 200), personal("POST", 200)],
    "account_set_password": [personal("GET", 302), personal("POST", 302)],
    "account_reset_password": [public(), public("POST", 200)],
    "account_reset_password_done": [public()],
    "account_reset_password_from_key": [public(), public("POST", 200)],
    "account_reset_password_from_key_done": [public()],
    # teams
    "users:teams": [personal("GET", 200), personal("POST", 302, lambda _: {"name": "Own team"})],
    "users:switch": [protected("POST", 302, lambda things: {"team": str(things.team.pk)})],
    "users:invitation": [
        public(),
        Access("POST", 400, 302, 409, 302),  # whoever has the link may join; ann is in already
    ],
    "users:team": [protected("GET", 200)],
    "users:leave": [protected("POST", 302)],
    "users:role": [protected("POST", 403, lambda _: {"role": "viewer"})],
    "users:suspend": [protected("POST", 403)],
    "users:resume": [protected("POST", 403)],
    "users:remove": [protected("POST", 403)],
    "users:hand-over": [protected("POST", 403, lambda things: {"typed_name": things.team.name})],
    "users:invitations": [protected("GET", 403), protected("POST", 403, lambda _: {"role": "viewer"})],
    "users:revoke": [protected("POST", 403)],
    "users:resend": [protected("POST", 403)],
    "users:groups": [protected("GET", 200), protected("POST", 403, lambda _: {"name": "Taken over"})],
    "users:group": [protected("GET", 200)],
    "users:group-find": [protected("GET", 403)],
    "users:group-change": [protected("POST", 403, lambda _: {"name": "Taken over"})],
    "users:group-delete": [protected("POST", 403)],
    "users:group-add": [protected("POST", 403, lambda things: {"member": str(things.membership.pk)})],
    "users:group-take-out": [protected("POST", 403)],
    "users:team_settings": [protected("GET", 403)],
    "users:rename": [protected("POST", 403, lambda _: {"name": "Taken over"})],
    "users:second-factor": [protected("POST", 403)],
    "users:domain-add": [protected("POST", 403, lambda _: {"domain": "evil.test", "role": "viewer"})],
    "users:domain-remove": [protected("POST", 403)],
    "users:delete": [protected("POST", 403, lambda things: {"typed_name": things.team.name})],
    "users:call-back": [protected("POST", NF)],
    # libraries and documents
    "libraries:list": [personal("GET", 200)],
    "libraries:create": [
        Access("POST", LOGIN, 302, 403, 403, lambda _: {"name": "New library"}),  # in one's own current team
    ],
    "libraries:library": [protected("GET", 200)],
    "libraries:rows": [protected("GET", 200)],
    "libraries:progress": [protected("GET", 200, query=lambda things: {"id": str(things.document.pk)})],
    "libraries:bulk": [protected("POST", 403, lambda things: {"action": "delete", "id": str(things.document.pk)})],
    "libraries:bulk-form": [protected("GET", 403, query=lambda _: {"kind": "tag"})],
    "libraries:folder-rename": [protected("POST", 403, lambda _: {"folder": "a", "to": "b"})],
    "libraries:view-save": [protected("POST", 302, lambda _: {"name": "Mine", "query": "status=failed"})],
    "libraries:view-delete": [protected("POST", NF)],  # somebody else's
    "libraries:trash": [protected("GET", 403)],
    "libraries:trash-restore": [protected("POST", 403, query=lambda _: {"at": "2026-01-01T00:00:00Z"})],
    "libraries:trash-remove": [protected("POST", 403, lambda things: {"typed_name": things.library.name})],
    "libraries:fields": [protected("GET", 403), protected("POST", 403)],
    "libraries:words": [protected("GET", 403), protected("POST", 403, lambda _: {"words": "mine", "synonyms": ""})],
    "libraries:words-discard": [protected("POST", 403)],
    "libraries:words-apply": [protected("POST", 403)],
    "libraries:words-undo": [protected("POST", 403)],
    "libraries:words-state": [protected("GET", 403)],
    "libraries:words-export": [protected("GET", 403)],
    "libraries:synonyms-export": [protected("GET", 403)],
    "evaluation:words-compare": [protected("POST", 403)],
    "evaluation:words-report": [protected("GET", 403)],
    "libraries:storage": [protected("GET", 403)],
    "libraries:sharing": [protected("GET", 403), protected("POST", 403, lambda _: {"act": "restrict"})],
    "libraries:document-sharing": [
        protected("GET", 403),
        protected("POST", 403, lambda _: {"act": "grant", "to": "ann@example.test", "level": "manage"}),
    ],
    "libraries:see-as": [protected("GET", 403, query=lambda _: {"person": "alice@example.test"})],
    "libraries:reviews": [personal("GET", 200)],
    "libraries:properties": [protected("GET", 200), protected("POST", 403, lambda _: {"tags": "taken over"})],
    "libraries:reviewed": [protected("POST", 403)],
    "libraries:versions": [protected("GET", 200)],
    "libraries:compare": [protected("GET", 404)],  # there is one version
    "libraries:answers": [protected("GET", 200, query=lambda things: {"answer": str(things.curated.pk)})],
    "libraries:answer-new": [
        protected("GET", 403),
        protected("POST", 403, lambda _: {"question": "Mine?", "answer": "Mine."}),
    ],
    "libraries:answer-preview": [protected("POST", 403, lambda _: {"answer": "**Mine.**"})],
    "libraries:answer": [
        protected("GET", 200),
        protected("POST", 403, lambda _: {"question": "Mine?", "answer": "Mine."}),
    ],
    "libraries:answer-enabled": [protected("POST", 403)],
    "libraries:answer-delete": [protected("POST", 403)],
    "libraries:answer-restore": [protected("POST", 403)],
    "libraries:settings": [protected("GET", 403), protected("POST", 403, lambda _: {"name": "Taken over"})],
    "libraries:delete": [protected("POST", 403, lambda things: {"typed_name": things.library.name})],
    "libraries:document": [protected("GET", 200, query=lambda things: {"chunk": str(things.chunk.pk)})],
    "libraries:document-state": [protected("GET", 200)],
    "libraries:document-facts": [protected("GET", 200)],
    "libraries:figure": [protected("GET", 200)],
    "libraries:chunks": [protected("GET", 200, query=lambda things: {"chunk": str(things.chunk.pk)})],
    "libraries:chunk-add": [
        protected("GET", 403, query=lambda things: {"after": str(things.chunk.pk)}),
        protected("POST", 403, lambda things: {"after": str(things.chunk.pk), "text": "Mine."}),
    ],
    "libraries:chunk-undo": [protected("POST", 403)],
    "libraries:chunk": [protected("GET", 200)],
    "libraries:chunk-edit": [protected("GET", 403), protected("POST", 403, lambda _: {"text": "Taken over"})],
    "libraries:chunk-enabled": [protected("POST", 403)],
    "libraries:chunk-split": [protected("POST", 403, lambda _: {"text": "One. Two.", "at": "4"})],
    "libraries:chunk-merge": [protected("POST", 403)],
    "libraries:chunk-delete": [protected("POST", 403)],
    "libraries:chunk-history": [protected("GET", 200)],
    "libraries:document-text": [protected("GET", 200, query=lambda things: {"chunk": str(things.chunk.pk)})],
    "libraries:document-file": [protected("GET", 200)],
    "libraries:document-delete": [protected("POST", 403)],
    "libraries:document-restore": [protected("POST", 403)],
    "ingestion:upload": [protected("POST", 403)],
    "ingestion:reread-pages": [protected("POST", 403, lambda _: {"pages": "1", "method": "ocr"})],
    "ingestion:replace": [protected("POST", 403)],
    "ingestion:rename": [protected("POST", 403, lambda _: {"name": "Taken over"})],
    "ingestion:version-restore": [protected("POST", 403)],
    "ingestion:reread": [protected("POST", 403, lambda things: {"id": str(things.document.pk)})],
    "ingestion:retry": [protected("POST", 403)],
    "ingestion:unlock": [protected("GET", 403), protected("POST", 403, lambda _: {"password": "sesame"})],
    "ingestion:password": [protected("GET", 404)],  # no file of the test has one
    "ingestion:cancel": [protected("POST", 403)],
    # jobs: everybody sees them, editors act on them
    "ingestion:jobs": [protected("GET", 200)],
    "ingestion:job": [protected("GET", 200)],
    "ingestion:log": [protected("GET", 200)],
    "ingestion:pause": [protected("POST", 403)],
    "ingestion:resume": [protected("POST", 403)],
    "ingestion:retry-failed": [protected("POST", 403)],
    "ingestion:bell": [personal("GET", 200)],  # of one's own current team
    "ingestion:bell-list": [personal("GET", 200)],
    "ingestion:clear": [Access("POST", LOGIN, 200, 403, 403)],  # in one's own current team; xen has none
    # how documents are cut: admins alone
    "ingestion:chunking": [protected("GET", 403), protected("POST", 403, lambda _: {"strategy": "whole"})],
    "ingestion:preview": [protected("POST", 403, lambda things: {"document": str(things.document.pk)})],
    "ingestion:preview-state": [protected("GET", 403)],
    "ingestion:standing": [protected("GET", 403)],
    "ingestion:chunking-stop": [protected("POST", 403)],
    # documents from the web: editors alone
    "ingestion:web": [protected("GET", 403)],
    "ingestion:web-create": [protected("POST", 403, lambda _: {"kind": "pages", "urls": "https://example.org/"})],
    "ingestion:web-source": [protected("GET", 403)],
    "ingestion:web-change": [protected("POST", 403, lambda _: {"kind": "pages", "urls": "https://example.org/"})],
    "ingestion:web-visit": [protected("POST", 403)],
    "ingestion:web-stop": [protected("POST", 403)],
    "ingestion:web-remove": [protected("POST", 403)],
    # the console: administrators of the installation alone
    "console:overview": [personal("GET", 404)],
    "console:users": [personal("GET", 404)],
    "console:create-user": [personal("POST", 404)],
    "console:person": [personal("GET", 404)],
    "console:suspend": [personal("POST", 404)],
    "console:resume": [personal("POST", 404)],
    "console:sign-out": [personal("POST", 404)],
    "console:unlock": [personal("POST", 404)],
    "console:reset-mfa": [personal("POST", 404)],
    "console:admin": [personal("POST", 404)],
    "console:teams": [personal("GET", 404)],
    "console:create-team": [personal("POST", 404)],
    "console:team-state": [personal("POST", 404)],
    "console:delete-team": [personal("POST", 404)],
    "console:jobs": [personal("GET", 404)],
    "console:job": [personal("POST", 404)],
    # limits, prices and use
    "console:quotas": [personal("GET", 404)],
    "console:new-quota": [personal("GET", 404), personal("POST", 404)],
    "console:budget": [personal("POST", 404)],
    "console:quota-subjects": [personal("GET", 404)],
    "console:quota": [personal("GET", 404), personal("POST", 404)],
    "console:remove-quota": [personal("POST", 404)],
    "console:prices": [personal("GET", 404), personal("POST", 404)],
    "console:remove-price": [personal("POST", 404)],
    "metering:usage": [personal("GET", 404)],
    "metering:team_usage": [protected("GET", 403)],
    "metering:team_limits": [protected("GET", 403), protected("POST", 403)],
    "metering:team_subjects": [protected("GET", 403, query=lambda _: {"scope": "member"})],
    "metering:remove_team_limit": [protected("POST", 403)],
    "metering:own_usage": [personal("GET", 200)],
    "metering:left": [personal("GET", 200)],
    "audit:system": [personal("GET", 404)],
    "chat:conversations-of": [personal("GET", 404)],
    "chat:opening-ask": [personal("POST", 404)],
    "chat:openings": [personal("GET", 404)],
    "chat:opening": [personal("GET", 404)],
    "chat:opening-decide": [personal("POST", 404)],
    "chat:opening-end": [personal("POST", 404)],
    "chat:opening-seen": [personal("POST", 404)],
    "audit:team": [protected("GET", 403)],
    # models: administrators of the installation alone
    "catalog:models": [personal("GET", 404)],
    "console:model-default": [personal("GET", 404), personal("POST", 404)],
    "catalog:team": [protected("GET", 403)],
    "catalog:team-default": [protected("POST", 403, lambda _: {"kind": "chat", "model": ""})],
    "catalog:add": [personal("GET", 404)],
    "catalog:add-file": [personal("POST", 404)],
    "catalog:add-hub": [personal("POST", 404)],
    "catalog:add-service": [personal("POST", 404)],
    "catalog:edit-service": [personal("POST", 404)],
    "catalog:model": [personal("GET", 404)],
    "catalog:work": [personal("POST", 404)],
    "catalog:again": [personal("POST", 404)],
    "catalog:cancel": [personal("POST", 404)],
    "catalog:edit": [personal("POST", 404)],
    "catalog:share": [personal("POST", 404)],
    "catalog:remove": [personal("POST", 404)],
    # the embedding model: administrators of the installation alone, for whom test_model_switch.py speaks
    "ingestion:switch": [personal("GET", 404)],
    "ingestion:switch-start": [personal("POST", 404)],
    "ingestion:switch-cancel": [personal("POST", 404)],
    # gaps: editors alone
    # evaluation: question sets and their runs, editors alone
    "evaluation:sets": [protected("GET", 403)],
    "evaluation:set-create": [protected("POST", 403, lambda _: {"name": "Mine"})],
    "evaluation:set-template": [protected("GET", 403)],
    "evaluation:pick": [protected("POST", 403, lambda _: {"query": "content"})],
    "evaluation:picked": [protected("GET", 403)],
    "evaluation:set": [protected("GET", 403)],
    "evaluation:set-change": [protected("POST", 403, lambda _: {"name": "Taken over"})],
    "evaluation:set-delete": [protected("POST", 403)],
    "evaluation:set-restore": [protected("POST", 403)],
    "evaluation:set-questions": [protected("GET", 403)],
    "evaluation:question-add": [protected("GET", 403), protected("POST", 403, lambda _: {"text": "Mine?"})],
    "evaluation:set-drafts": [protected("POST", 403, lambda _: {"action": "delete"})],
    "evaluation:set-import": [protected("GET", 403), protected("POST", 403)],
    "evaluation:set-import-go": [protected("POST", 403)],
    "evaluation:set-export": [protected("GET", 403)],
    "evaluation:set-draft": [protected("GET", 403), protected("POST", 403, lambda _: {"way": "rule"})],
    "evaluation:set-draft-stop": [protected("POST", 403)],
    "evaluation:set-chats": [
        protected("GET", 403),
        protected("POST", 403, lambda things: {"question": str(things.message_id)}),
    ],
    "evaluation:runs": [protected("GET", 403), protected("POST", 403, lambda _: {"kind": "retrieval"})],
    "evaluation:compare": [protected("GET", 403, query=lambda things: {"run": str(things.run.pk)})],
    "evaluation:runs-noted": [protected("POST", 403)],
    "evaluation:question": [protected("GET", 403)],
    "evaluation:question-edit": [protected("GET", 403), protected("POST", 403, lambda _: {"text": "Taken over?"})],
    "evaluation:question-accept": [protected("POST", 403)],
    "evaluation:question-delete": [protected("POST", 403)],
    "evaluation:question-restore": [protected("POST", 403)],
    "evaluation:run": [protected("GET", 403)],
    "evaluation:run-state": [protected("GET", 403)],
    "evaluation:run-stop": [protected("POST", 403)],
    "evaluation:run-go-on": [protected("POST", 403)],
    "evaluation:run-baseline": [protected("POST", 403)],
    "evaluation:run-delete": [protected("POST", 403)],
    "evaluation:run-export": [protected("GET", 403)],
    "evaluation:result": [protected("GET", 403)],
    "evaluation:gaps": [protected("GET", 403)],
    "evaluation:gap": [protected("GET", 403)],
    "evaluation:gap-change": [protected("POST", 403, lambda _: {"note": "Taken over"})],
    "evaluation:gap-move": [protected("POST", 403, lambda _: {"state": "closed"})],
    "evaluation:gap-rerun": [protected("POST", 403)],
    # evaluation: editors alone
    "evaluation:test": [protected("GET", 403)],
    "evaluation:test-run": [protected("POST", 403, lambda _: {"question": "When?"})],
    "evaluation:test-state": [protected("GET", 403)],
    "evaluation:test-measure": [protected("POST", 403, lambda _: {"a-passages": "3"})],
    "evaluation:test-asked": [protected("GET", 403)],
    "evaluation:test-add": [
        protected("POST", 403, lambda things: {"question": "When?", "name": "Set", "gold": str(things.chunk.pk)})
    ],
    "evaluation:settings": [protected("GET", 403), protected("POST", 403, lambda _: {"passages": "3"})],
    "evaluation:settings-changes": [protected("POST", 403, lambda _: {"a-passages": "3"})],
    "evaluation:settings-reset": [protected("POST", 403)],
    # chat: a conversation is its owner's alone, so other members of the team are strangers to it
    "chat:home": [personal("GET", 200)],
    "chat:start": [
        # bob has no library with text, and naming a foreign one does not give him any; xen has no team at all
        Access("POST", LOGIN, 409, 200, 404, lambda things: {"text": "When?", "library": str(things.library.pk)}),
    ],
    "chat:conversation": [protected("GET", NF)],
    "chat:ask": [protected("POST", NF, lambda _: {"text": "When?"})],
    "chat:rename": [protected("POST", NF, lambda _: {"title": "Taken over"})],
    "chat:delete": [protected("POST", NF)],
    "chat:restore": [protected("POST", NF)],
    "chat:answer": [protected("GET", NF)],
    "chat:stop": [protected("POST", NF)],
    "chat:again": [protected("POST", NF)],
    "chat:retry": [protected("POST", NF)],
    "chat:vote": [protected("POST", NF, lambda _: {"vote": "down"})],
    "chat:trace": [protected("GET", NF)],
    "chat:keep": [
        protected("GET", NF),
        protected("POST", NF, lambda things: {"library": str(things.library.pk), "question": "Q?", "answer": "A."}),
    ],
    "chat:correct": [protected("POST", NF, lambda _: {"question": "When?"})],
    "chat:citation": [protected("GET", NF)],
}

# Websocket routes: the code that closes the handshake.
SOCKETS: dict[str, dict[str, int]] = {
    "ws/chat/<uuid:conversation_id>/": {"anonymous": 4401, "bob": 4404, "ann": 4404, "xen": 4404},
}
