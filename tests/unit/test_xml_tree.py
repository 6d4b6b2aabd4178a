"""XML that means harm is refused before it is parsed, and the process lives on."""

import pytest

from adapters.refusals import Code, Refused
from adapters.xml_tree import MAX_TAGS, MAX_XML_BYTES, xml_tree

UTF16 = "\ufeff<!DOCTYPE a><a/>"


def refused(data: bytes) -> Refused:
    found = xml_tree(data)
    assert isinstance(found, Refused)
    return found


def test_the_bytes_are_counted_first() -> None:
    assert refused(b"<a>" + b" " * MAX_XML_BYTES + b"</a>").code is Code.TOO_LARGE
    assert not isinstance(xml_tree(b"<a>" + b" " * (MAX_XML_BYTES // 4) + b"</a>"), Refused)


def test_the_tags_are_counted_before_they_cost_memory() -> None:
    assert refused(b"<a>" + b"<b/>" * MAX_TAGS + b"</a>").rule == "TOO_MANY_TAGS"


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE a><a/>",
        b'<?xml version="1.0"?>\n<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b'<!-- a --><?b c?>\n\t<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1/">]><a>&x;</a>',
        b"\xef\xbb\xbf<!DOCTYPE a><a/>",
        UTF16.encode("utf-16-le"),
        UTF16.encode("utf-16-be"),
        b'<?xml version="1.0" encoding="iso-8859-1"?><!-- \xe1 --><!DOCTYPE a><a/>',
    ],
)
def test_a_doctype_is_refused_unread_in_each_encoding(data: bytes) -> None:
    found = refused(data)
    assert (found.code, found.rule, found.row) == (Code.UNSAFE, "DOCTYPE", 0)


def test_a_doctype_is_none_in_a_comment_or_in_text() -> None:
    found = xml_tree(b"<!-- <!DOCTYPE a> --><a><![CDATA[<!DOCTYPE a>]]></a>")
    assert not isinstance(found, Refused)
    assert found.text == "<!DOCTYPE a>"


def test_its_line_is_named() -> None:
    assert refused(b'<?xml version="1.0"?>\n\n<!DOCTYPE a><a/>').line == 3


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "NOT_WELL_FORMED"),
        (b"   ", "NOT_WELL_FORMED"),
        (b"{}", "NOT_WELL_FORMED"),
        (b"<a>", "NOT_WELL_FORMED"),
        (b"<a/><a/>", "NOT_WELL_FORMED"),
        (b"<a>&nobody;</a>", "NOT_WELL_FORMED"),
        (b"<!--" * 100_000, "NOT_WELL_FORMED"),
        (b"<?" * 100_000, "NOT_WELL_FORMED"),
        (b"<a>" * 300 + b"</a>" * 300, "NOT_WELL_FORMED"),
        (b"<a>\0</a>", "BAD_ENCODING"),
        (b"<a>\xff</a>", "BAD_ENCODING"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "BAD_ENCODING"),
        (b'<?xml version="1.0" encoding="rot13"?><a/>', "BAD_ENCODING"),
        (b'<?xml version="1.0" encoding="unicode_escape"?><a/>', "BAD_ENCODING"),
        (b'<?xml version="1.0" encoding="utf-16"?><a/>', "BAD_ENCODING"),
        (b'<?xml version="1.0" encoding="nothing-known"?><a/>', "BAD_ENCODING"),
    ],
)
def test_what_is_no_xml_or_in_no_known_encoding_is_refused(data: bytes, rule: str) -> None:
    assert refused(data).rule == rule


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("iso-8859-1", "Usulután"),
        ("windows-1251", "Внимание"),
        ("windows-1256", "تحذير"),
        ("shift_jis", "津波"),
        ("gb18030", "暴雨"),
        ("utf-8", "豪雨"),
    ],
)
def test_a_declared_encoding_is_read(encoding: str, text: str) -> None:
    found = xml_tree(f'<?xml version="1.0" encoding="{encoding}"?><a>{text}</a>'.encode(encoding))
    assert not isinstance(found, Refused)
    assert found.text == text


def test_a_byte_order_mark_outweighs_a_declaration() -> None:
    found = xml_tree(b"\xef\xbb\xbf" + '<?xml version="1.0" encoding="iso-8859-1"?><a>á</a>'.encode())
    assert not isinstance(found, Refused)
    assert found.text == "á"


def test_nothing_is_included() -> None:
    include = b'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd" parse="text"/></a>'
    found = xml_tree(include)
    assert not isinstance(found, Refused)
    assert not list(found.itertext())
