"""Signatures are reported as they are, and change nothing else."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID
from lxml import etree

from adapters.cap import ADAPTER
from adapters.cap.signatures import MAX_SIGNATURES
from bus.errors import UsageError
from tests.support.samples import DATA

CAP = DATA / "cap"
GOOD = (DATA / "cap_rules" / "good.cap").read_text("utf-8")
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
WEAK = "RSA-SHA1, {}, value good, key {}, {}SHA-1 is weak"
CANADA = "certificate of 2011-05-09 to 2015-07-10, valid when sent, "
NAADS = "certificate of 2012-05-29 to 2018-05-30, valid when sent, "
STRIPPED = "digest good without any signature"


def reported(data: bytes, **options: bytes) -> list[str]:
    found = ADAPTER.translate(data, options)
    assert len(found.drafts) == 1, [str(one) for one in found.refused]
    return str(found.drafts[0].body["attributes"].get("cap.signature", "")).splitlines()


def test_one_signature_with_its_key_beside_it() -> None:
    wanted = [WEAK.format("digest good", "not anchored", "no certificate, ")]
    assert reported((CAP / "earthquake_signed.cap").read_bytes()) == wanted
    assert reported((CAP / "earthquake-iso8859-1.cap").read_bytes()) == wanted


@pytest.mark.parametrize("file", ["canada_signed.cap", "canada_signed.atom"])
def test_two_that_hold_only_where_every_signature_is_left_out(file: str) -> None:
    data = (CAP / file).read_bytes()
    assert reported(data) == [
        WEAK.format(STRIPPED, "not anchored", NAADS),
        WEAK.format(STRIPPED, "not anchored", CANADA),
    ]


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("naads_x509_cert.pem", ("anchored", "not anchored")),
        ("environment_canada_x509_cert.pem", ("not anchored", "anchored")),
    ],
)
def test_a_key_is_anchored_where_its_reader_names_it(file: str, keys: tuple[str, str]) -> None:
    data = (CAP / "canada_signed.cap").read_bytes()
    found = reported(data, anchors=(CAP / file).read_bytes())
    assert found == [WEAK.format(STRIPPED, keys[0], NAADS), WEAK.format(STRIPPED, keys[1], CANADA)]


def test_an_anchor_changes_the_report_alone() -> None:
    data = (CAP / "canada_signed.cap").read_bytes()
    (without,) = ADAPTER.translate(data).drafts
    (anchored,) = ADAPTER.translate(data, {"anchors": (CAP / "naads_x509_cert.pem").read_bytes()}).drafts
    assert {**anchored.body, "attributes": {}} == {**without.body, "attributes": {}}


def test_an_anchor_that_is_no_certificate_is_a_wrong_usage() -> None:
    with pytest.raises(UsageError):
        ADAPTER.translate(b"<a/>", {"anchors": "my key"})


def test_changed_words_break_the_digest_and_the_warning_still_stands() -> None:
    data = (CAP / "earthquake_signed.cap").read_bytes().replace(b"magnitude 1.3", b"magnitude 9.3")
    assert reported(data) == [WEAK.format("digest wrong", "not anchored", "no certificate, ")]


def test_a_changed_value_is_wrong() -> None:
    data = (CAP / "earthquake_signed.cap").read_bytes().replace(b"<SignatureValue>hHRm", b"<SignatureValue>hHRn")
    assert "value wrong" in reported(data)[0]


@pytest.mark.parametrize(
    "transform", ["http://www.w3.org/TR/1999/REC-xslt-19991116", "http://www.w3.org/TR/1999/REC-xpath-19991116"]
)
def test_a_transform_that_computes_is_never_run(transform: str) -> None:
    data = (CAP / "earthquake_signed.cap").read_bytes()
    data = data.replace(b"http://www.w3.org/2000/09/xmldsig#enveloped-signature", transform.encode())
    assert reported(data) == ["RSA-SHA1: transform refused"]


def test_a_signature_of_another_part_covers_no_alert() -> None:
    data = (CAP / "earthquake_signed.cap").read_bytes().replace(b'<Reference URI="">', b'<Reference URI="#info">')
    assert reported(data) == ["RSA-SHA1: does not cover the whole alert"]


def test_more_signatures_than_anybody_needs_are_not_looked_at() -> None:
    text = (CAP / "earthquake_signed.cap").read_text("iso-8859-1")
    one = text[text.index("<Signature") : text.index("</alert>")]
    found = reported(text.replace(one, one * (MAX_SIGNATURES + 2)).encode("iso-8859-1"))
    assert found[-1] == "2 more signatures were not looked at"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<Modulus>", b"<Modulus>!!"),
        (b"<Exponent>AQAB", b"<Exponent>AA=="),
        (b"<SignatureValue>", b"<SignatureValue>=="),
        (b"<KeyInfo>", b"<KeyInfo/><Other>"),
        (b"xmldsig#rsa-sha1", b"xmldsig#rot13"),
        (b"xmldsig#sha1", b"xmldsig#md4"),
        (b"REC-xml-c14n-20010315", b"REC-nothing"),
    ],
)
def test_what_can_not_be_read_is_said_and_stops_nothing(old: bytes, new: bytes) -> None:
    data = (CAP / "earthquake_signed.cap").read_bytes()
    assert old in data
    changed = data.replace(old, new)
    if old == b"<KeyInfo>":
        changed = changed.replace(b"</KeyInfo>", b"</Other>")
    (line,) = reported(changed)
    assert "good" not in line.replace("digest good", "")


def test_a_certificate_that_was_no_longer_valid_is_reported() -> None:
    (line,) = reported(signed(GOOD, valid_days=-1))
    assert line.startswith("ECDSA-SHA256, digest good, value good, key not anchored, ")
    assert line.endswith("certificate of 2024-01-01 to 2024-05-16, not valid when sent")
    (line,) = reported(signed(GOOD, valid_days=30))
    assert line.endswith(", valid when sent")


def signed(text: str, valid_days: int) -> bytes:
    """The alert, signed by a key whose certificate ends so many days after it was sent."""
    alert = etree.fromstring(text.encode())
    key = ec.generate_private_key(ec.SECP256R1())
    digest = hashlib.sha256(etree.tostring(alert, method="c14n", exclusive=True, with_comments=False)).digest()
    algorithms = (
        f'<CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
        '<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/>'
    )
    transforms = f'<Transform Algorithm="{DSIG}enveloped-signature"/><Transform Algorithm="{EXCLUSIVE}"/>'
    info = (
        f'<SignedInfo xmlns="{DSIG}">{algorithms}<Reference URI=""><Transforms>{transforms}</Transforms>'
        '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<DigestValue>{base64.b64encode(digest).decode()}</DigestValue></Reference></SignedInfo>"
    )
    canonical = etree.tostring(etree.fromstring(info), method="c14n", exclusive=True)
    r, s = utils.decode_dss_signature(key.sign(canonical, ec.ECDSA(hashes.SHA256())))
    value = base64.b64encode(r.to_bytes(32) + s.to_bytes(32)).decode()
    certificate = base64.b64encode(_certificate(key, valid_days)).decode()
    brought = f"<KeyInfo><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo>"
    signature = f'<Signature xmlns="{DSIG}">{info}<SignatureValue>{value}</SignatureValue>{brought}</Signature>'
    return text.replace("</alert>", f"{signature}</alert>").encode()


def _certificate(key: ec.EllipticCurvePrivateKey, valid_days: int) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "warnings.example.org")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2024, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2024, 5, 17, 16, 5, tzinfo=UTC) + timedelta(days=valid_days))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
