"""E-mails: the words, who wrote them to whom and when, and what is attached."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from apps.ingestion import parse_errors
from apps.ingestion.parsers import host
from apps.libraries.types import ParsedDocument


def read(tmp_path: Path, data: bytes | str, name: str = "a.eml") -> ParsedDocument:
    path = tmp_path / "upload"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return host.parse(path, name=name)


def texts(parsed: ParsedDocument) -> list[str]:
    return [block.text for block in parsed.blocks]


HEAD = "From: Ann <ann@a.test>\nTo: Bob <bob@b.test>\nSubject: Trip\nDate: Mon, 6 Jan 2025 10:00:00 +0800\n"


def test_it_reads_header_and_words(tmp_path: Path) -> None:
    parsed = read(tmp_path, HEAD + "\nWe leave at noon.\n")

    assert texts(parsed)[0] == "Trip"
    assert texts(parsed)[-1] == "We leave at noon."
    assert parsed.blocks[-1].heading_path == ("Trip",)
    assert dict(parsed.facts) == {
        "from": "Ann <ann@a.test>",
        "to": "Bob <bob@b.test>",
        "sent": "2025-01-06 10:00:00+08:00",
        "subject": "Trip",
    }


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("gb2312", "报销流程说明，请查收附件。"),
        ("big5", "本系統支援全文檢索"),
        ("iso-2022-jp", "出張費の精算"),
        ("koi8-r", "Отчёт о поездке"),
    ],
)
def test_it_decodes_words_and_subjects_in_any_charset(tmp_path: Path, charset: str, text: str) -> None:
    message = EmailMessage()
    message["Subject"] = text
    message.set_content(text, charset=charset)
    data = message.as_bytes()

    assert texts(read(tmp_path, b"From: a@b.test\n" + data)) == [text, "From: a@b.test", text]


def test_it_decodes_bytes_that_do_not_hold_what_the_charset_promises(tmp_path: Path) -> None:
    head = f"{HEAD}Content-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: 8bit\n\n"

    assert (
        texts(read(tmp_path, head.encode() + "逾期按日万分之五计收违约金。".encode("gb18030")))[-1]
        == "逾期按日万分之五计收违约金。"
    )


def test_it_reads_html_where_the_plain_text_says_less(tmp_path: Path) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "a@b.test", "Sale"
    message.set_content("View this in a browser.")
    message.add_alternative("<h2>Offers</h2><p>" + "Walnuts are cheap today. " * 20 + "</p>", subtype="html")

    parsed = read(tmp_path, message.as_bytes())

    assert "Walnuts are cheap today." in texts(parsed)[-1]
    assert parsed.blocks[-1].heading_path == ("Sale", "Offers")


def test_it_keeps_a_table_that_only_the_html_has(tmp_path: Path) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "a@b.test", "Prices"
    message.set_content("Apple 3 Pear 4 and more words than the table itself has in it, by far.")
    message.add_alternative("<table><tr><th>Fruit<th>Price<tr><td>Apple<td>3</table>", subtype="html")

    assert parsed_kinds(read(tmp_path, message.as_bytes()))[-1] == "table"


def parsed_kinds(parsed: ParsedDocument) -> list[str]:
    return [block.kind for block in parsed.blocks]


def test_it_leaves_out_pictures_that_the_text_shows(tmp_path: Path) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "a@b.test", "Logo"
    message.set_content("<p>Hello</p><img src='cid:logo@x'>", subtype="html")
    message.add_related(b"\x89PNG\r\n\x1a\n1234", maintype="image", subtype="png", cid="<logo@x>")
    message.add_attachment(b"\x89PNG\r\n\x1a\n1234", maintype="image", subtype="png", filename="photo.png")

    assert [part.name for part in read(tmp_path, message.as_bytes()).attached] == ["photo.png"]


@pytest.mark.parametrize(
    "name", ["../../evil.txt", "..\\evil.txt", "/etc/passwd", "a\r\nB: c.txt", "\u202etxt.exe", "x" * 5_000 + ".txt"]
)
def test_row_65_it_takes_names_of_attachments_as_labels(tmp_path: Path, name: str) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in name.encode())
    data = (
        f"{HEAD}MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSee.\n--b\n"
        f"Content-Disposition: attachment; filename*=UTF-8''{escaped}\n\nText\n--b--\n"
    )

    (part,) = read(tmp_path, data).attached

    assert len(part.name) <= 255
    assert not any(ord(character) < 32 for character in part.name)
    assert [entry.name for entry in tmp_path.iterdir()] == ["upload"]


def test_it_reads_messages_in_messages_below_the_outer_one(tmp_path: Path) -> None:
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "c@d.test", "Inner"
    inner.set_content("Inner words.")
    inner.add_attachment(b"Attached words.", maintype="text", subtype="plain", filename="in.txt")
    outer = EmailMessage()
    outer["From"], outer["Subject"] = "a@b.test", "Outer"
    outer.set_content("Outer words.")
    outer.add_attachment(inner)

    parsed = read(tmp_path, outer.as_bytes())

    assert next(block for block in parsed.blocks if "Inner words" in block.text).heading_path == ("Outer", "Inner")
    assert [(part.folder, part.name) for part in parsed.attached] == [("Inner", "in.txt")]


def test_it_refuses_parts_in_parts_without_end(tmp_path: Path) -> None:
    data = "MIME-Version: 1.0\nFrom: a@b.test\nSubject: Deep\n"
    for level in range(3_000):
        data += f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"

    with pytest.raises(parse_errors.Broken):
        read(tmp_path, data)


def test_it_reads_a_mailbox_message_by_message(tmp_path: Path) -> None:
    mail = "From a@b.test Mon Jan  6 10:00:00 2025\n" + HEAD + "\nWe leave at noon.\n>From here we walk.\n\n"
    second = mail.replace("Trip", "Return").replace("noon", "dusk")

    parsed = read(tmp_path, mail + second, "all.mbox")

    assert [block.text for block in parsed.blocks if block.level] == ["Trip", "Return"]
    assert "From here we walk." in texts(parsed)[2]
    assert "dusk" in texts(parsed)[-1]
    assert parsed.facts["messages"] == "2"


def test_it_reads_a_page_saved_as_one_file(tmp_path: Path) -> None:
    data = (
        "From: <Saved by Blink>\nSnapshot-Content-Location: https://x.test/a\nSubject: A page\nMIME-Version: 1.0\n"
        'Content-Type: multipart/related; type="text/html"; boundary="b"\n\n--b\nContent-Type: text/html\n'
        "Content-Transfer-Encoding: quoted-printable\n\n<html><title>A page</title><h1>Walruses</h1>\n"
        "<p>They =E2=80=94 live.</p>\n--b\n"
        "Content-Type: image/png\n\nxx\n--b--\n"
    )

    parsed = read(tmp_path, data, "page.mhtml")

    assert texts(parsed) == ["Walruses", "They — live."]
    assert parsed.facts["address"] == "https://x.test/a"
    assert parsed.title == "A page"


def test_it_reads_a_part_whose_fields_hold_bytes_beyond_ascii(tmp_path: Path) -> None:
    data = HEAD.encode() + b"Content-Type: text/plain\nContent-Disposition: inl\xe4ne\nContent-ID: \xe4\n\nWords.\n"

    assert texts(read(tmp_path, data))[0] == "Trip"
