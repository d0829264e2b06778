"""The words and synonyms of a library: a draft, what it would change, and its application."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.errors import AppError
from apps.libraries import word_changes
from apps.libraries.access import access_library
from apps.libraries.lexicons import wording_of
from apps.libraries.models import Lexicon, Library
from apps.libraries.tasks import ring_words
from apps.libraries.views.shared import head
from apps.libraries.word_errors import NoDraft, WordsInvalid, WordsTooLong
from apps.libraries.wording import (
    MAX_GROUP_SIZE,
    MAX_GROUPS,
    MAX_WORD_CHARS,
    MAX_WORDS,
    Problem,
    Wording,
    read_synonyms,
    read_words,
    stored_wording,
    synonyms_text,
    words_text,
)
from apps.users.models import Role
from apps.users.requests import PersonRequest

MAX_CHARS = 1_000_000  # of one list
SHOWN_PROBLEMS = 50
LISTS = {"words": words_text, "synonyms": synonyms_text}
EXAMPLES = {
    "words": "云雀平台\n5G基站\nservice level agreement",
    "synonyms": "退货 = 退款 = return\n笔记本 = 手提电脑 = laptop",
}
REASONS: dict[str, str | Promise] = {
    "no-letters": gettext_lazy("has no letters or digits"),
    "too-long": gettext_lazy("is longer than %(chars)s characters"),
    "too-many": gettext_lazy("is more than the list may hold"),
    "one-term": gettext_lazy("needs at least two different terms, apart by ="),
    "group-too-big": gettext_lazy("has more than %(size)s terms"),
}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def words_page(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show the lists of a library, or keep a draft of them; editors only."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    if request.method != "POST":
        return _page(request, library)
    texts = {name: _with_file(request, name) for name in LISTS}
    try:
        if any(len(text) > MAX_CHARS for text in texts.values()):
            raise WordsTooLong(limit=MAX_CHARS)
        words, bad_words = read_words(texts["words"])
        synonyms, bad_groups = read_synonyms(texts["synonyms"])
        if bad_words or bad_groups:
            return _refused(request, library, texts, {"words": bad_words, "synonyms": bad_groups})
        row = word_changes.save_draft(user=request.user, library=library, wording=Wording(words, synonyms))
    except AppError as error:
        return _page(request, library, texts=texts, error=error)
    if row.draft is None:
        messages.info(request, _("These are the words that are applied already."))
    return redirect("libraries:words", library.pk)


@login_required
@require_POST
def words_discard(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Forget the draft."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    word_changes.discard_draft(user=request.user, library=library)
    return redirect("libraries:words", library.pk)


@login_required
@require_POST
def words_apply(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Begin to apply the draft."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    if word_changes.of_library(library).draft is None:
        raise NoDraft
    return _begun(request, library, word_changes.apply_draft(user=request.user, library=library))


@login_required
@require_POST
def words_undo(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Go back to the words from before, or turn a change round that is on its way."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    return _begun(request, library, word_changes.undo(user=request.user, library=library))


@login_required
@require_safe
def words_state(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Return how far the application is; asked every two seconds meanwhile. The page is loaded anew at the end."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    row = word_changes.of_library(library)
    response = render(request, "libraries/words_state.html", {"library": library, "lexicon": row})
    if row.state != Lexicon.State.APPLYING:
        response["HX-Refresh"] = "true"
    return response


@login_required
@require_safe
def words_export(request: PersonRequest, library_id: UUID, name: str) -> HttpResponse:
    """Return one list as a text file, one entry on each line."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    row = word_changes.of_library(library)
    text = LISTS[name](stored_wording(row.draft) if row.draft is not None else wording_of(row))
    response = HttpResponse(text + "\n" if text else "", content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.txt"'
    return response


def _begun(request: PersonRequest, library: Library, row: Lexicon) -> HttpResponse:
    if row.state == Lexicon.State.APPLYING:
        ring_words(library.pk)
    else:
        messages.success(request, _("Applied. Questions use it from now on."))
    return redirect("libraries:words", library.pk)


def _with_file(request: PersonRequest, name: str) -> str:
    """Return a list as it was typed, with the lines of a file behind it."""
    text = str(request.POST.get(name, ""))
    file = request.FILES.get(f"{name}_file")
    if not isinstance(file, UploadedFile) or not file.size:
        return text
    if file.size > 4 * MAX_CHARS:
        raise WordsTooLong(limit=MAX_CHARS)
    return f"{text.rstrip()}\n{_decoded(file.read())}"


def _decoded(data: bytes) -> str:
    """Return the text of a file as editors of word lists save them."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def _refused(
    request: PersonRequest, library: Library, texts: dict[str, str], problems: dict[str, tuple[Problem, ...]]
) -> HttpResponse:
    count = sum(map(len, problems.values()))
    shown = {name: [_sentence(each) for each in found[:SHOWN_PROBLEMS]] for name, found in problems.items()}
    return _page(request, library, texts=texts, problems=shown, error=WordsInvalid(count=count))


def _sentence(problem: Problem) -> dict[str, object]:
    reason = str(REASONS[problem.code]) % {"chars": MAX_WORD_CHARS, "size": MAX_GROUP_SIZE}
    return {"line": problem.line, "text": problem.text, "code": problem.code, "reason": reason}


def _page(
    request: PersonRequest,
    library: Library,
    *,
    texts: dict[str, str] | None = None,
    problems: dict[str, list[dict[str, object]]] | None = None,
    error: AppError | None = None,
) -> HttpResponse:
    row = word_changes.of_library(library)
    applied = wording_of(row)
    shown = stored_wording(row.draft) if row.draft is not None else applied
    lists = texts or {name: text_of(shown) for name, text_of in LISTS.items()}
    context = head(request, library) | {
        "tab": "settings",
        "section": "words",
        "lexicon": row,
        "lists": lists,
        "examples": EXAMPLES,
        "counts": {"words": len(shown.words), "synonyms": len(shown.synonyms)},
        "limits": {"words": MAX_WORDS, "synonyms": MAX_GROUPS},
        "difference": _difference(applied, shown) if row.draft is not None else None,
        "problems": problems or {},
        "problem": error.sentence() if error else "",
        "is_applying": row.state == Lexicon.State.APPLYING,
    }
    return render(request, "libraries/words.html", context, status=error.status if error else 200)


def _difference(before: Wording, after: Wording) -> dict[str, object]:
    """Return what a draft adds and removes, at most a few of each for the page."""
    words, groups = (set(before.words), set(after.words)), (set(before.synonyms), set(after.synonyms))
    added = [*(word for word in after.words if word not in words[0])]
    removed = [*(word for word in before.words if word not in words[1])]
    added += [" = ".join(group) for group in after.synonyms if group not in groups[0]]
    removed += [" = ".join(group) for group in before.synonyms if group not in groups[1]]
    return {"added": added[:SHOWN_PROBLEMS], "removed": removed[:SHOWN_PROBLEMS], "more": len(added) + len(removed)}
