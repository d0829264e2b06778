"""Text in the encodings of the world, a sentence or a page of it, with nothing that tells which."""

import pytest

from apps.ingestion.parsers.encodings import decode

SENTENCES = {
    "甲方应当在合同签订后十个工作日内支付首期款项。": ["gb18030", "utf-16-le", "utf-8-sig", "hz"],
    "报销流程": ["gbk"],
    "本系統支援全文檢索，請於七日內完成付款。": ["big5"],
    "出張費の精算は月末までに申請してください。": ["cp932", "euc_jp", "iso2022_jp"],
    "회의실 예약은 총무팀에 문의하시기 바랍니다.": ["euc_kr", "utf-16-be"],
    "Отчёт о командировке нужно сдать до конца месяца.": ["cp1251", "koi8_r", "cp866", "iso8859_5"],
    "Звіт про відрядження потрібно здати.": ["cp1251", "koi8_u"],
    "Die Größe der Häuser überrascht viele Gäste.": ["cp1252", "iso8859_15", "mac_roman", "cp850"],
    "Les élèves ont déjà reçu leurs diplômes à l'école.": ["cp1252", "mac_roman"],
    "Zażółć gęślą jaźń, proszę państwa.": ["cp1250", "iso8859_2"],
    "Příliš žluťoučký kůň úpěl ďábelské ódy.": ["cp1250", "iso8859_2"],
    "Árvíztűrő tükörfúrógép és más szavak.": ["cp1250", "iso8859_2"],
    "Rapor ay sonuna kadar gönderilmelidir, şimdi güçlü ışık.": ["cp1254", "iso8859_9"],
    "Η αναφορά πρέπει να υποβληθεί έως το τέλος του μήνα.": ["cp1253", "iso8859_7"],
    "יש להגיש את הדוח עד סוף החודש.": ["cp1255", "iso8859_8"],
    "يجب تقديم التقرير قبل نهاية الشهر الجاري.": ["cp1256", "iso8859_6"],
    "กรุณาส่งรายงานภายในสิ้นเดือนนี้ครับ": ["cp874"],
    "Price: 5 € – see § 3, 20 °C “quoted” it’s": ["cp1252"],
}


@pytest.mark.parametrize("times", [1, 30])
@pytest.mark.parametrize(
    ("text", "encoding"),
    [pytest.param(text, name, id=f"{name}-{text[:6]}") for text, names in SENTENCES.items() for name in names],
)
def test_it_decodes_what_does_not_tell_its_encoding(text: str, encoding: str, times: int) -> None:
    page = "\n".join([text] * times)

    assert decode(page.encode(encoding)) == page


def test_it_takes_an_escape_sequence_of_a_terminal_for_what_it_is() -> None:
    assert decode(b"\x1b[31mred\x1b[0m") == "\x1b[31mred\x1b[0m"
