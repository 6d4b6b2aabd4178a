"""What the XML signatures of an alert say: reported, and never trusted by themselves.

1 one reference, to the whole alert 2 transforms of the list below, others (XSLT, XPath) are never run 3 the digest,
without this signature, else without any (as Canada's NAADS signs) 4 the value, by the key that the signature brings
along 5 that key against the anchors that the reader names, and its certificate's days against `sent`. What is
weak is said. Libraries refuse the signatures that are out there: bus/decisions/cap-signatures.md.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa, utils
from lxml import etree

from adapters.cap.markup import DSIG, Element, children, first, kids, moment, name, namespace, text

MAX_SIGNATURES: Final = 4
MAX_KEY_BITS: Final = 8192
ENVELOPED: Final = f"{DSIG}enveloped-signature"
CANONICAL: Final = MappingProxyType(
    {
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315": False,
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments": False,
        "http://www.w3.org/2001/10/xml-exc-c14n#": True,
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments": True,
    }
)
"""Whether it is the exclusive form."""
DIGESTS: Final = MappingProxyType(
    {
        f"{DSIG}sha1": "sha1",
        "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
        "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
        "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
    }
)
_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
VALUES: Final = MappingProxyType(
    {
        f"{DSIG}rsa-sha1": ("RSA-SHA1", hashes.SHA1()),  # noqa: S303 - reported as weak
        f"{DSIG}dsa-sha1": ("DSA-SHA1", hashes.SHA1()),  # noqa: S303 - reported as weak
        f"{_MORE}rsa-sha256": ("RSA-SHA256", hashes.SHA256()),
        f"{_MORE}rsa-sha384": ("RSA-SHA384", hashes.SHA384()),
        f"{_MORE}rsa-sha512": ("RSA-SHA512", hashes.SHA512()),
        f"{_MORE}ecdsa-sha256": ("ECDSA-SHA256", hashes.SHA256()),
        f"{_MORE}ecdsa-sha384": ("ECDSA-SHA384", hashes.SHA384()),
        f"{_MORE}ecdsa-sha512": ("ECDSA-SHA512", hashes.SHA512()),
    }
)
Key = rsa.RSAPublicKey | dsa.DSAPublicKey | ec.EllipticCurvePublicKey


class UnreadableError(ValueError):
    """Inside this module: a part of a signature that is none."""


def report(alert: Element, anchors: Sequence[bytes] = ()) -> list[str]:
    """One line for each signature of an alert; `anchors`: public keys (DER) that the reader trusts."""
    alert = deepcopy(alert)  # signed as a document of its own, before a carrier's namespaces came to stand around it
    found = [child for child in children(alert) if namespace(child) == DSIG and name(child) == "Signature"]
    lines = [_verdict(alert, at, signature, anchors) for at, signature in enumerate(found[:MAX_SIGNATURES])]
    if len(found) > MAX_SIGNATURES:
        lines.append(f"{len(found) - MAX_SIGNATURES} more signatures were not looked at")
    return lines


def anchor_keys(pem: bytes) -> tuple[bytes, ...]:
    """The public keys (DER) of PEM certificates.

    Raises:
        ValueError: it holds none.
    """
    return tuple(_spki(each.public_key()) for each in x509.load_pem_x509_certificates(pem))


def _verdict(alert: Element, at: int, signature: Element, anchors: Sequence[bytes]) -> str:
    info = next(iter(kids(signature, "SignedInfo")), None)
    if info is None:
        return "unreadable: no SignedInfo"
    method = _algorithm(info, "SignatureMethod")
    algorithm, hashing = VALUES.get(method, ("", None))
    if hashing is None:
        return "algorithm not known: not looked at"
    try:
        covered = _covered(alert, at, info)
        key, certificate = _key(signature)
        value = "value good" if _holds(key, signature, info, hashing) else "value wrong"
        anchored = "key anchored" if _spki(key) in anchors else "key not anchored"
    except UnreadableError as error:
        return f"{algorithm}: {error}"
    except (etree.LxmlError, ValueError, UnsupportedAlgorithm):  # numbers that are no key, a certificate that is none
        return f"{algorithm}: unreadable"
    said = [algorithm, covered, value, anchored, *_validity(certificate, moment(first(alert, "sent")))]
    if isinstance(hashing, hashes.SHA1) or "sha1" in DIGESTS.get(_digest_method(info), ""):
        said.append("SHA-1 is weak")
    return ", ".join(said)


def _covered(alert: Element, at: int, info: Element) -> str:
    """Whether the digest is the alert's."""
    references_ = kids(info, "Reference")
    if len(references_) != 1 or references_[0].get("URI") != "":
        raise UnreadableError("does not cover the whole alert")
    reference = references_[0]
    transforms = [
        each.get("Algorithm", "") for step in kids(reference, "Transforms") for each in kids(step, "Transform")
    ]
    if any(each != ENVELOPED and each not in CANONICAL for each in transforms):
        raise UnreadableError("transform refused")
    if ENVELOPED not in transforms or _digest_method(info) not in DIGESTS:
        raise UnreadableError("does not cover the whole alert" if ENVELOPED not in transforms else "digest not known")
    exclusive = any(CANONICAL.get(each, False) for each in transforms)
    wanted = _decoded(first(reference, "DigestValue"))
    for said, left_out in (("digest good", {at}), ("digest good without any signature", None)):
        octets = _octets(_without(alert, left_out), exclusive=exclusive)
        if hmac.compare_digest(hashlib.new(DIGESTS[_digest_method(info)], octets).digest(), wanted):
            return said
    return "digest wrong"


def _without(alert: Element, left_out: set[int] | None) -> Element:
    """A copy of the alert without these of its signatures, or without all; the text behind each stays."""
    alone = deepcopy(alert)
    alone.tail = None
    found = [child for child in children(alone) if namespace(child) == DSIG and name(child) == "Signature"]
    for at, signature in enumerate(found):
        if left_out is None or at in left_out:
            before, tail = signature.getprevious(), signature.tail or ""
            if before is None:
                alone.text = (alone.text or "") + tail
            else:
                before.tail = (before.tail or "") + tail
            alone.remove(signature)
    return alone


def _alone(info: Element) -> Element:
    """A copy with all the namespaces in force at its place, as inclusive canonicalisation has them.

    Of an element that still stands in a document libxml2 writes namespaces again that its parent has.
    """
    alone = etree.Element(info.tag, dict(info.attrib), nsmap=info.nsmap)
    alone.text = info.text
    alone.extend(deepcopy(child) for child in info)
    return alone


def _octets(element: Element, *, exclusive: bool) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=exclusive, with_comments=False)


def _key(signature: Element) -> tuple[Key, x509.Certificate | None]:
    """The key that the signature brings along, with its certificate where it has one."""
    for info in kids(signature, "KeyInfo"):
        for data in kids(info, "X509Data"):
            for each in kids(data, "X509Certificate"):
                certificate = x509.load_der_x509_certificate(_decoded(text(each)))
                key = certificate.public_key()
                if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey | ec.EllipticCurvePublicKey):
                    return _sane(key), certificate
        for value in kids(info, "KeyValue"):
            for each in kids(value, "RSAKeyValue"):
                numbers = [_number(each, part) for part in ("Exponent", "Modulus")]
                return _sane(rsa.RSAPublicNumbers(*numbers).public_key()), None
            for each in kids(value, "DSAKeyValue"):
                parameters = dsa.DSAParameterNumbers(*(_number(each, part) for part in ("P", "Q", "G")))
                return _sane(dsa.DSAPublicNumbers(_number(each, "Y"), parameters).public_key()), None
    raise UnreadableError("brings no key along: not looked at")


def _sane(key: Key) -> Key:
    if key.key_size > MAX_KEY_BITS:
        raise UnreadableError("key too long: not looked at")
    return key


def _holds(key: Key, signature: Element, info: Element, hashing: hashes.HashAlgorithm) -> bool:
    canonical = CANONICAL.get(_algorithm(info, "CanonicalizationMethod"))
    if canonical is None:
        raise UnreadableError("canonicalisation not known")
    signed, value = _octets(_alone(info), exclusive=canonical), _decoded(first(signature, "SignatureValue"))
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(value, signed, padding.PKCS1v15(), hashing)
        elif isinstance(key, dsa.DSAPublicKey):
            key.verify(_der(value), signed, hashing)
        else:
            key.verify(_der(value), signed, ec.ECDSA(hashing))
    except InvalidSignature:
        return False
    return True


def _der(value: bytes) -> bytes:
    """R and s side by side, as XML has them, to the sequence that the library reads."""
    half = len(value) // 2
    return utils.encode_dss_signature(int.from_bytes(value[:half]), int.from_bytes(value[half:]))


def _validity(certificate: x509.Certificate | None, sent: int | None) -> list[str]:
    """The days of a certificate, against the time of the message: the clock on the wall decides nothing here."""
    if certificate is None:
        return ["no certificate"]
    first_, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    at = datetime.fromtimestamp((sent or 0) / 1000, UTC)
    valid = "valid" if first_ <= at <= last else "not valid"
    return [f"certificate of {first_:%Y-%m-%d} to {last:%Y-%m-%d}", f"{valid} when sent"]


def _digest_method(info: Element) -> str:
    return next((_algorithm(each, "DigestMethod") for each in kids(info, "Reference")), "")


def _algorithm(element: Element, named: str) -> str:
    return next((each.get("Algorithm", "") for each in kids(element, named)), "")


def _number(element: Element, named: str) -> int:
    return int.from_bytes(_decoded(first(element, named)))


def _decoded(words: str) -> bytes:
    try:
        return base64.b64decode("".join(words.split()), validate=True)
    except binascii.Error as error:
        raise UnreadableError("unreadable: no base64") from error


def _spki(key: object) -> bytes:
    if not isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey | ec.EllipticCurvePublicKey):
        return b""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
