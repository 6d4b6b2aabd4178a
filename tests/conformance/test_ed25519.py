"""Published signatures on the edges of Ed25519: one rule, whatever libraries think (bus/decisions/ed25519-rule.md)."""

import json
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bus.errors import Refusal
from bus.trust.keys import PublicKey, verify

DATA = Path(__file__).parent.parent / "data" / "ed25519"
UNSOUND_KEY = {"low_order_A", "non_canonical_A"}
UNSOUND_R = {"low_order_R", "non_canonical_R"}


def load(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def by_openssl(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def by_rule(key: bytes, signature: bytes, message: bytes) -> bool:
    public = PublicKey.from_bytes(key)
    return not isinstance(public, Refusal) and verify(public, signature, message)


def test_edge_cases_pass_where_openssl_verifies_and_key_and_r_are_sound() -> None:
    openssl = passed = 0
    for case in load("cctv_ed25519vectors.json"):
        parts = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"]), case["msg"].encode()
        flags = set(case["flags"] or [])
        verified = by_openssl(*parts)
        assert by_rule(*parts) == (verified and not flags & (UNSOUND_KEY | UNSOUND_R)), case["number"]
        openssl += verified
        passed += by_rule(*parts)
    assert openssl > passed == 43


def test_an_unsound_key_is_refused_before_any_signature() -> None:
    for case in load("cctv_ed25519vectors.json"):
        refused = isinstance(PublicKey.from_bytes(bytes.fromhex(case["key"])), Refusal)
        assert refused == bool(UNSOUND_KEY & set(case["flags"] or [])), case["number"]


def test_all_answers_of_wycheproof_agree() -> None:
    answers = {"valid": 0, "invalid": 0}
    for group in load("wycheproof_ed25519_test.json")["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            found = by_rule(key, bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
            assert found == (case["result"] == "valid"), case["tcId"]
            answers[case["result"]] += 1
    assert answers == {"valid": 88, "invalid": 63}
