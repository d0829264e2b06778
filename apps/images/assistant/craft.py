"""The rules of the craft, kept to whatever a model wrote: order, weights, lengths, no tag twice. Plain Python."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apps.images.grammar.attention import parse_attention
from apps.images.grammar.errors import MalformedWeight

PARTS: Final = ("subject", "material", "detail", "quality", "style", "colour", "light")
STANDING: Final = {"quality": ("highly detailed", "sharp focus"), "light": ("soft light",)}  # where nothing is said
NEGATIVE: Final = (
    *("low quality", "blurry", "deformed", "bad anatomy", "extra fingers", "watermark", "signature", "text"),
    *("cropped", "jpeg artifacts"),
)
MOST_TAGS: Final = 40
MOST_WORDS: Final = 60
MOST_WORDS_OF_TAG: Final = 10
LIGHTEST, HEAVIEST = 0.5, 1.5  # beyond, pictures fall apart
STRESSED: Final = 1.2
_UNSAID = re.compile(r"[^A-Za-z0-9'’\-.&/ ]+")  # what would mean something else in a prompt, or nothing
_ENGLISH = re.compile(r"[A-Za-z]{2}")
_FOREIGN = re.compile(r"[^\W\d_A-Za-zÀ-ÿ]")  # a letter that is not Latin
_PEOPLE = re.compile(
    r"(?:wo)?m[ae]n|girls?|boys?|lad(?:y|ies?)|child(?:ren)?|people|persons?|humans?|bab(?:y|ies?)|portrait"
)
_BARE_WEIGHT = re.compile(r"[ :]+\d(?:\.\d+)?$")
_ADAPTER = re.compile(r"<[^>]*>")
_OPERATORS = frozenset({"AND", "BREAK"})  # of the prompt grammar
_NO_THING = frozenset({"none", "n/a", "na", "null", "nothing", "unknown", "string", "tag", "tags", "etc"})


@dataclass(frozen=True, slots=True)
class Draft:
    """Tags by part of the craft, and what must not be in the picture, as a model wrote them."""

    parts: Mapping[str, Sequence[str]]
    negative: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Tag:
    """A few words, and what they weigh (1: as usual)."""

    text: str
    weight: float = 1.0

    def __str__(self) -> str:
        return self.text if self.weight == 1.0 else f"({self.text}:{self.weight:g})"


@dataclass(frozen=True, slots=True)
class Meant:
    """What is known of a theme without a model: names of its subject, one of which has to be shown, and all words."""

    subject: Sequence[str] = ()
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """A prompt and a negative prompt that keep to the rules."""

    prompt: str
    negative: str


def written(draft: Draft, own: Sequence[str] = (), meant: Meant | None = None) -> Written | None:
    """Return the prompt of a draft with the person's `own` negative list; None where no subject is left of it.

    The subject is held to what is `meant`. Heavier tags come first, those of one weight in the order of the parts; what
    is too much falls off at the end.
    """
    subjects = list(_tags(draft.parts.get("subject", ())))
    if not subjects:
        return None
    subjects = _held(subjects, meant) if meant else subjects
    rest = [tag for part in PARTS[1:] for tag in list(_tags(draft.parts.get(part, ()))) or _standing(part)]
    found = [*subjects, *rest]
    chosen = fitting(sorted(unlike(found), key=lambda tag: -tag.weight))
    unwanted = [*_own(own), *map(Tag, NEGATIVE), *_meant(_tags(draft.negative), chosen)]
    return Written(", ".join(map(str, chosen)), ", ".join(map(str, fitting(unlike(unwanted)))))


def _held(subjects: list[Tag], meant: Meant) -> list[Tag]:
    """Return the subjects as they are where one shows what is meant; else that before those that have to do with it.

    Small models lose it: an owl with glasses becomes a cat with a hat.
    """
    if not meant.subject or any(_words(tag) & _words(Tag(text)) for tag in subjects for text in meant.subject):
        return subjects
    known = {word for text in meant.words for word in _words(Tag(text))}
    return [Tag(meant.subject[0], STRESSED), *(tag for tag in subjects if _words(tag) & known)]


def _meant(unwanted: Iterable[Tag], wanted: Sequence[Tag]) -> Iterator[Tag]:
    """Yield what a model does not want, but for what it wants as well: "people" beside a girl, "sea" beside a sea."""
    words = {word for tag in wanted for word in _words(tag)}
    shows_people = any(_PEOPLE.fullmatch(word) for word in words)
    for tag in unwanted:
        mine = _words(tag)
        if not words & mine and not (shows_people and any(_PEOPLE.fullmatch(word) for word in mine)):
            yield tag


def _words(tag: Tag) -> set[str]:
    return {word.removesuffix("s") for word in tag.text.casefold().split()}  # "horses" beside a horse


def unlike(tags: Iterable[Tag]) -> Iterator[Tag]:
    """Yield tags, each text once: where it is first."""
    seen: set[str] = set()
    for tag in tags:
        key = tag.text.casefold().removeprefix("a ").removeprefix("an ").removeprefix("the ")
        if key not in seen:
            seen.add(key)
            yield tag


def fitting(tags: Iterable[Tag]) -> list[Tag]:
    """Return as many tags as a prompt may have, from the first; one that does not fit is left out."""
    kept: list[Tag] = []
    words = 0
    for tag in tags:
        length = len(tag.text.split())
        if len(kept) < MOST_TAGS and words + length <= MOST_WORDS:
            kept.append(tag)
            words += length
    return kept


def negative_list(text: str) -> tuple[str, ...]:
    """Return the entries of a person's own list: parted by commas or lines, in the person's words."""
    return tuple(each for part in re.split(r"[,，、\n]", text) if (each := " ".join(part.split())))


def _own(entries: Iterable[str]) -> Iterator[Tag]:
    return (Tag(each) for each in entries)


def _standing(part: str) -> list[Tag]:
    return [Tag(text) for text in STANDING.get(part, ())]


def _tags(texts: Iterable[str]) -> Iterator[Tag]:
    """Yield what of these texts is a tag in English: without adapters and brackets, weights within bounds."""
    for text in texts:
        for piece in _ADAPTER.sub(" ", text).split(","):
            tag = _tag(piece)
            if tag is not None:
                yield tag


def _tag(text: str) -> Tag | None:
    try:
        spans = [span for span in parse_attention(text) if span.text.strip() and not span.is_break]
    except MalformedWeight:
        return None
    whole = " ".join(span.text for span in spans)
    if _FOREIGN.search(whole):
        return None
    words = _UNSAID.sub(" ", _BARE_WEIGHT.sub("", whole.strip())).strip(" .-/&'’").split()
    clean = " ".join(word.lower() if word in _OPERATORS else word for word in words[:MOST_WORDS_OF_TAG])
    if not _ENGLISH.search(clean) or clean.casefold() in _NO_THING:
        return None
    weight = max(span.weight for span in spans)
    return Tag(clean, round(min(max(weight, LIGHTEST), HEAVIEST), 2))
