"""One page has one address."""

import pytest

from apps.ingestion.web.addresses import folder_of, is_below, may_be_page, name_of, normal
from apps.ingestion.web.html import read_page


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Example.ORG:80", "http://example.org/"),
        ("https://example.org/a/../b/./c#part", "https://example.org/b/c"),
        ("https://example.org/a/?utm_source=x&id=3", "https://example.org/a/?id=3"),
        ("https://example.org/?b=2&a=1", "https://example.org/?b=2&a=1"),
        ("mailto:x@example.org", ""),
        ("javascript:alert(1)", ""),
        ("http://user:pw@example.org/", ""),
        ("http://example.org:99999/", ""),
        ("https://example.org/" + "a" * 3_000, ""),
    ],
)
def test_it_writes_an_address_in_one_way(url: str, expected: str) -> None:
    assert normal(url) == expected


def test_it_knows_what_lies_below_a_start() -> None:
    assert is_below("https://a.test/guide/x", "https://a.test/guide/index.html")
    assert is_below("http://a.test/guide", "https://a.test/guide/")
    assert not is_below("https://a.test/guidebook/x", "https://a.test/guide/")
    assert not is_below("https://b.test/guide/x", "https://a.test/guide/")


def test_it_names_and_places_a_page() -> None:
    assert name_of("https://a.test/docs/%E6%89%8B%E5%86%8C.html") == "手册.html"
    assert folder_of("https://a.test/x/y/z/w/page") == "a.test/x/y/z"
    assert not may_be_page("https://a.test/logo.SVG")


def test_it_finds_links_in_damaged_html_in_linear_time() -> None:
    page = read_page(
        b"<base href='/d/'><title>T\n t</title><a href=one>x<a href='two'" + b"<a href=" * 20_000, "https://a.test/"
    )
    assert page.title == "T t"
    assert page.links[0] == "https://a.test/d/one"


def test_it_decodes_a_page_by_its_own_word() -> None:
    page = read_page('<meta charset="gb2312"><title>员工手册</title>'.encode("gb18030"), "https://a.test/")
    assert page.title == "员工手册"
