"""Bytes to an XML tree that nobody can harm us with.

1 size 2 encoding 3 no DOCTYPE, hence no entity of anybody's and no DTD 4 number of tags 5 depth and lengths (libxml2's
own bounds) 6 well formed. Nothing is fetched, no XInclude is followed, no stylesheet is run.
"""

import codecs
import re
from typing import Final

from lxml import etree

from adapters.refusals import Code, Refused, refuse_file

MAX_XML_BYTES: Final = 16 * 1024 * 1024
MAX_TAGS: Final = 500_000
"""An element costs libxml2 some 120 bytes: 16 MiB of `<a/>` would take half a gigabyte."""

# What is XML's own white space; a document begins with it, with comments or with instructions, before any DOCTYPE.
_PROLOG: Final = re.compile(r"(?:[\x20\t\r\n]++|<!--.*?-->|<\?.*?\?>)*+", re.DOTALL)
_DECLARED: Final = re.compile(
    rb"<\?xml[\x20\t\r\n][^>]{0,200}?encoding[\x20\t\r\n]*=[\x20\t\r\n]*[\"']([A-Za-z0-9._-]{1,40})[\"']"
)
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ENCODINGS: Final = frozenset(
    {"ascii", "utf-8", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"}
    | {"shift_jis", "euc_jp", "euc_kr", "gb2312", "gbk", "gb18030", "big5", "koi8-r", "koi8-u", "tis-620"}
    | {f"iso8859-{part}" for part in (*range(1, 12), *range(13, 17))}
)
"""By their Python names; each holds ASCII as it is, so that its own declaration can be read."""


def xml_tree(data: bytes) -> etree._Element | Refused:
    """Return the root element, or why there is none."""
    if len(data) > MAX_XML_BYTES:
        return refuse_file(Code.TOO_LARGE, f"at most {MAX_XML_BYTES // 1024 // 1024} MiB")
    text = _text(data)
    if isinstance(text, Refused):
        return text
    start = _prolog(text)
    if text.startswith("<!DOCTYPE", start):
        line = text.count("\n", 0, start) + 1
        return refuse_file(Code.UNSAFE, "XML without a DOCTYPE: nobody's entities are read", line=line, rule="DOCTYPE")
    if not text.startswith("<", start):
        return refuse_file(Code.NOT_THIS_FORMAT, "XML", rule="NOT_WELL_FORMED")
    if text.count("<") > MAX_TAGS:
        return refuse_file(Code.TOO_LARGE, f"at most {MAX_TAGS} tags", rule="TOO_MANY_TAGS")
    return _parsed(text.encode())


def _prolog(text: str) -> int:
    found = _PROLOG.match(text)
    return found.end() if found else 0


def _parsed(utf8: bytes) -> etree._Element | Refused:
    # The encoding is ours: what a declaration says was believed once, above, and is not believed again.
    parser = etree.XMLParser(
        encoding="utf-8",
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        resolve_entities=False,
        huge_tree=False,
        recover=False,
    )
    try:
        root = etree.fromstring(utf8, parser)
    except etree.XMLSyntaxError as error:
        line = error.lineno or 0
        return refuse_file(Code.NOT_THIS_FORMAT, "well-formed XML", line=line, rule="NOT_WELL_FORMED")
    if root.getroottree().docinfo.internalDTD is not None:  # a second lock on the same door
        return refuse_file(Code.UNSAFE, "XML without a DOCTYPE: nobody's entities are read", rule="DOCTYPE")
    return root


def _text(data: bytes) -> str | Refused:
    encoding = _encoding(data)
    if encoding is None:
        return refuse_file(
            Code.NOT_THIS_FORMAT, "an encoding that is known here, as UTF-8 is", line=1, rule="BAD_ENCODING"
        )
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"text in {encoding}, as the file says it is; byte {error.start} is none"
        return refuse_file(Code.NOT_THIS_FORMAT, what, line=line, rule="BAD_ENCODING")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return refuse_file(Code.NOT_THIS_FORMAT, "text without NUL", line=line, rule="BAD_ENCODING")
    return text


def _encoding(data: bytes) -> str | None:
    """The encoding by byte order mark, or by declaration, else UTF-8; None where it is none of the known ones."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return encoding
    declared = _DECLARED.match(data)
    if declared is None:
        return "utf-8"
    try:
        name = codecs.lookup(declared[1].decode("ascii")).name
    except LookupError:
        return None
    return name if name in _ENCODINGS else None
