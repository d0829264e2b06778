"""What every page is held to: no barrier, no sideways scrolling, its language, nothing untranslated.

`KB_SHOTS=<folder>` keeps a picture of each.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page

from kb_project.env import BASE_DIR

AXE = (BASE_DIR / "tests" / "vendor" / "axe.min.js").read_text(encoding="utf-8")
FIND_BARRIERS = """part => axe.run(part || document, {resultTypes: ["violations"], preload: false})
    .then(result => result.violations.filter(each => ["serious", "critical"].includes(each.impact))
    .map(each => `${each.id}: ${each.nodes.map(node => node.html.slice(0, 160)).slice(0, 3).join(" | ")}`))"""
LANGUAGE_TAGS = {"en": "en", "zh-hans": "zh-Hans"}

# Texts and names for screen readers, without what people or files wrote: documents carry their own language.
FIND_TEXTS = """() => {
    const foreign = "script, style, template, noscript, code, kbd, textarea, option, .mono, html [lang], " +
        ".rail-chats, [data-jump-library], .crumbs, .sources, .document-source";
    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (node.data.trim() && !node.parentElement.closest(foreign)) texts.push(node.data.trim());
    }
    for (const element of document.querySelectorAll("[title], [aria-label], [placeholder], [alt]"))
        if (!element.closest("template, html [lang], .rail-chats, [data-jump-library], .crumbs, .sources, .mono"))
            for (const name of ["title", "aria-label", "placeholder", "alt"]) {
                const value = element.getAttribute(name);
                if (value && value.trim()) texts.push(value.trim());
            }
    return [...new Set(texts)];
}"""
IDLE = """() => {
    const busy = ".htmx-request, .htmx-swapping, .htmx-settling";
    const moves = each => each.playState === "running" && each.effect?.getTiming().iterations !== Infinity;
    return document.readyState === "complete" && !document.querySelector(busy) && !document.getAnimations().some(moves);
}"""
NAMES = re.compile(r"https?://\S+|\S+@\S+|\S+\.(?:pdf|docx|xlsx|zip|md|txt|png|html|bin|py)\b|\S+/\S+|\w+_\w+")
LATIN = re.compile(r"[A-Za-z]{3,}")
COMMON = ("admin", "english", "guide", "instruct", "gemma", "multilingual", "office", "small", "smollm", "user")
TECHNICAL = ("ctrl", "dpi", "enter", "esc", "gib", "kib", "mib", "ocr", "pdf", "robots", "sha", "shift", "txt", "zip")
CODES = ("api", "eur", "gguf", "https", "json", "localhost", "pin")
PRODUCTS = ("chrome", "linux", "llama", "ollama", "openai", "postgresql", "sglang", "valkey", "vllm")
MODELS = ("diffusers", "pickle", "sentence", "server", "transformers")  # of the page that adds them
TYPES = ("docx", "image", "mail", "sheet", "slides")  # of the operator type:
FORMATS = ("csv", "document", "gold", "jsonl", "markdown", "quote")  # of question sets and answers, and their fields
MEASURES = ("idf", "mrr", "ndcg")
PEOPLE = ("nadia", "nora", "otto", "vera")  # that other tests of the installation let there be
IMAGES = (
    "adapter",
    "art",
    "clip",
    "controlnet",
    "demo",
    "demonstration",
    "heart",
    "jpeg",
    "lanczos",
    "lora",
    "png",
    "prompt",
    "shapes",
    "webp",
)
SAME_IN_BOTH = {
    *COMMON,
    *TECHNICAL,
    *CODES,
    *PRODUCTS,
    *MODELS,
    *TYPES,
    *FORMATS,
    *MEASURES,
    *PEOPLE,
    *IMAGES,
    "token",
    "zhiku",
}


@dataclass
class Look:
    """A language, a theme and a window, and what was found wrong in them."""

    language: str
    theme: str
    size: tuple[int, int]
    found: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return a name for tests and pictures."""
        return f"{self.language.split('-')[0]}-{self.theme}-{'phone' if self.size[0] < 600 else 'desktop'}"

    @property
    def report(self) -> str:
        """Return what was found, a fault a line."""
        return "\n".join(dict.fromkeys(self.found))

    def at(self, page: Page, what: str, part: str = "") -> None:
        """Look at a page as it is now; for barriers only at a part (a selector) where the rest was looked at before."""
        page.wait_for_function(IDLE)
        self.found += [f"{what}: {fault}" for fault in faults(page, self.language, part)]
        if os.environ.get("KB_SHOTS"):
            page.screenshot(path=Path(os.environ["KB_SHOTS"]) / f"{what}-{self.name}.png")


LOOKS = [
    Look("en", "light", (1440, 900)),
    Look("en", "dark", (390, 844)),
    Look("zh-hans", "dark", (1440, 900)),
    Look("zh-hans", "light", (390, 844)),
]
every_look = pytest.mark.parametrize("look", [pytest.param(each, id=each.name) for each in LOOKS])


def faults(page: Page, language: str, part: str) -> list[str]:
    """Return what is wrong with how the page looks and reads."""
    found = barriers(page, part)
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("scrolls sideways")
    tag = page.evaluate("document.documentElement.lang")
    if tag != LANGUAGE_TAGS[language]:
        found.append(f"says that it is in {tag!r}")
    return found + (untranslated(page) if language == "zh-hans" else [])


def barriers(page: Page, part: str) -> list[str]:
    """Return what axe finds; evaluate is not bound by the page's policy."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE)
    found: list[str] = page.evaluate(FIND_BARRIERS, part)
    return found


def untranslated(page: Page) -> list[str]:
    """Return the English texts of a Chinese page."""
    texts: list[str] = page.evaluate(FIND_TEXTS)
    return [f"is not translated: {text[:120]!r}" for text in texts if _is_english(text)]


def _is_english(text: str) -> bool:
    return any(word.lower() not in SAME_IN_BOTH for word in LATIN.findall(NAMES.sub(" ", text)))
