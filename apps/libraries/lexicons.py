"""The wordings of libraries: which one reads a question, and which one indexes a passage.

A question is read by what is applied. While a change is on its way (`word_changes`), passages are written by what it
will be. Whoever writes passages holds the library's lock while it asks for the wording, and a change begins under the
same lock: nobody writes by the old words behind its back.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from apps.libraries.models import Lexicon
from apps.libraries.wording import PLAIN, Finder, Wording, stored_wording, words_finder

FRESH_S = 2.0  # so long a process believes what it knows of a library's wording
KEPT = 64  # wordings that a process remembers

_digests: dict[UUID, tuple[float, str]] = {}
_wordings: OrderedDict[str, Wording] = OrderedDict()
_lock = threading.Lock()
_trial: ContextVar[Mapping[UUID, Wording] | None] = ContextVar("trial_wordings", default=None)


def wordings_of(library_ids: Iterable[UUID]) -> list[Wording]:
    """Return the wordings by which a question to these libraries is read, each once; at least the plain one."""
    wanted = list(library_ids)
    trial = _trial.get() or {}
    digests = _digests_of([each for each in wanted if each not in trial])
    found = [trial[each] for each in wanted if each in trial]
    by_digest = {digest: library for library, digest in digests.items()}  # of hundred libraries nearly all have none
    found += [_wording(library, digest) for digest, library in by_digest.items()]
    return list(dict.fromkeys(found)) or [PLAIN]


@contextmanager
def trial(wordings: Mapping[UUID, Wording]) -> Iterator[None]:
    """Read questions and write passages by other wordings than those applied, in this thread, for a comparison."""
    token = _trial.set(wordings)
    try:
        yield
    finally:
        _trial.reset(token)


def _digests_of(library_ids: Sequence[UUID]) -> dict[UUID, str]:
    now = time.monotonic()
    with _lock:
        known = [(each, *_digests.get(each, (0.0, ""))) for each in library_ids]
    fresh = {each: digest for each, until, digest in known if until > now}
    missing = [each for each, until, _digest in known if until <= now]
    if missing:
        rows = dict(Lexicon.objects.filter(library__in=missing).exclude(digest="").values_list("library_id", "digest"))
        read = {each: rows.get(each, "") for each in missing}
        with _lock:
            if len(_digests) > KEPT * KEPT:
                _digests.clear()
            _digests.update({each: (now + FRESH_S, digest) for each, digest in read.items()})
        fresh |= read
    return fresh


def _wording(library_id: UUID, digest: str) -> Wording:
    if not digest:
        return PLAIN
    with _lock:
        known = _wordings.get(digest)
    if known is None:
        row = Lexicon.objects.filter(library=library_id).only("words", "synonyms").first()
        known = wording_of(row) if row else PLAIN
        if known.digest != digest:  # it changed meanwhile: right again two seconds later
            return known
        with _lock:
            _wordings[digest] = known
            while len(_wordings) > KEPT:
                _wordings.popitem(last=False)
    return known


def forget(library_id: UUID) -> None:
    """Read a library's wording anew in this process."""
    with _lock:
        _, digest = _digests.pop(library_id, (0.0, ""))
        _wordings.pop(digest, None)


def wording_of(lexicon: Lexicon) -> Wording:
    """Return what is applied."""
    return stored_wording({"words": lexicon.words, "synonyms": lexicon.synonyms})


def index_finder(library_id: UUID) -> Finder:
    """Return the words by which the library's passages are written now; call it under the library's lock."""
    tried = (_trial.get() or {}).get(library_id)
    if tried is not None:
        return words_finder(tried.words)
    row = Lexicon.objects.filter(library=library_id).values_list("words", "target").first()
    if row is None:
        return words_finder(())
    words, target = row
    return words_finder(tuple(target["words"] if target else words))
