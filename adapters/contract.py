"""What every adapter promises, as tests that a partner runs on an adapter of their own (pytest, `tocsin[contract]`).

    from adapters.contract import AdapterContract, Sample

    class TestMine(AdapterContract):
        adapter = ADAPTER
        samples = (Sample("two-reports", Path("two-reports.xml").read_bytes()),)

Take real files, with their origin and licence beside them: a made-up file holds no surprise.
"""

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

import pytest

from adapters.refusals import Code
from adapters.registry import load
from adapters.translation import Adapter, Draft, Options, Translation
from bus.errors import Refusal, UsageError
from schemas.models import Event, RetractionReason, validate

ID: Final = re.compile(r"[a-z0-9-]{2,32}:[A-Za-z0-9._:-]{1,125}")
NAME: Final = re.compile(r"[a-z0-9_]{2,32}")
MAX_DRAFT_BYTES: Final = 245_760
"""Leaves 16 KiB of the envelope's 256 KiB for header, label and signature."""
LEAST_RADIUS_KM: Final = 1.0
MUTATIONS: Final = 60
FOREIGN: Final = (
    b"",
    b"\0",
    b"\x89PNG\r\n\x1a\n",
    b"[]",
    b"{}",
    b"null",
    b"a,b\n1,2\n",
    b"<a/>",
    b"\xff\xfe",
    b"\x1f\x8b\x08",
    b"[" * 9999,
)


@dataclass(frozen=True)
class Sample:
    """A real file, and the options to read it with."""

    name: str
    data: bytes = field(repr=False)
    options: Options = field(default_factory=dict)


class AdapterContract:
    """Give it `adapter` and `samples`, in a subclass whose name begins with Test."""

    adapter: ClassVar[Adapter]
    samples: ClassVar[Sequence[Sample]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run what asks for a `sample` on each."""
        if "sample" in metafunc.fixturenames:
            samples: Sequence[Sample] = metafunc.cls.samples
            metafunc.parametrize("sample", samples, ids=[sample.name for sample in samples])

    @pytest.fixture
    def translation(self, sample: Sample) -> Translation:
        """What becomes of a sample."""
        return self.adapter.translate(sample.data, sample.options)

    def test_it_is_installed_under_its_name(self) -> None:
        """`load` finds it by the name that it gives itself."""
        assert NAME.fullmatch(self.adapter.name)
        assert load(self.adapter.name).name == self.adapter.name
        assert self.adapter.reads or self.adapter.writes
        assert self.adapter.title
        assert self.adapter.licence

    def test_a_sample_gives_drafts(self, translation: Translation) -> None:
        """A sample of which nothing is understood shows nothing."""
        assert translation.drafts, [str(refused) for refused in translation.refused[:3]]

    def test_each_record_is_one_draft_or_one_refusal(self, translation: Translation) -> None:
        """No record vanishes, none counts twice."""
        assert translation.loss.rows == len(translation.drafts) + len(translation.refused)
        rows = [refused.row for refused in translation.refused]
        assert len(rows) == len(set(rows))

    def test_every_cell_is_accounted_for(self, translation: Translation) -> None:
        """Mapped + defaulted + dropped = columns x rows, for each column and in sum; what is not read says why."""
        loss = translation.loss
        for column in loss.columns:
            assert column.mapped + column.defaulted + column.dropped == loss.rows, column.name
            assert min(column.mapped, column.defaulted, column.dropped) >= 0
            assert bool(column.why) <= (column.dropped == loss.rows), column.name
        assert loss.mapped + loss.defaulted + loss.dropped == len(loss.columns) * loss.rows
        assert loss.report()["mapped"] == loss.mapped

    def test_drafts_are_events_or_take_events_back(self, translation: Translation) -> None:
        """What a publisher can make a record of, in one of the three realms."""
        for draft in translation.drafts:
            assert draft.kind in {"event", "retraction"}
            assert draft.status in {"ACTUAL", "EXERCISE", "TEST"}
            assert draft.id not in draft.replaces
            assert all(ID.fullmatch(one) for one in draft.replaces)
            assert draft.kind == "event" or not draft.replaces
            assert draft.party is None or (draft.party and draft.party == draft.party.casefold()), draft.id

    def test_events_are_valid(self, translation: Translation) -> None:
        """The schema takes each as it is."""
        for draft in events(translation):
            checked = validate(Event, draft.body)
            assert not isinstance(checked, Refusal), (draft.id, str(checked))
            assert len(checked.model_dump_json(exclude={"original"}).encode()) <= MAX_DRAFT_BYTES

    def test_retractions_name_ids_of_the_source(self, translation: Translation) -> None:
        """The publisher, which remembers what these became, fills in feeds, revisions and labels."""
        for draft in translation.drafts:
            if draft.kind == "retraction":
                assert draft.body["retracts"], draft.id
                assert all(each["kind"] == "event" and ID.fullmatch(each["id"]) for each in draft.body["retracts"])
                assert draft.body["reason"] in set(RetractionReason)

    def test_ids_are_stable_and_unique(self, translation: Translation) -> None:
        """`<format>:<source id>`, once per file and kind."""
        ids = [(draft.kind, draft.id) for draft in translation.drafts]
        assert len(ids) == len(set(ids))
        assert all(ID.fullmatch(one) for _, one in ids)

    def test_the_public_id_comes_first(self, translation: Translation) -> None:
        """So that one record relayed by two agencies is one origin; different records have different ones."""
        firsts = [draft.body["source"].get("derived_from", [None])[0] for draft in events(translation)]
        assert all(firsts)
        assert len(set(firsts)) == len(firsts)

    def test_precision_is_honest(self, translation: Translation) -> None:
        """No radius below a kilometre (a sensor's pixel aside) or without a point, no interval without a length."""
        for draft in events(translation):
            where = draft.body.get("where", {})
            radius = where.get("uncertainty_km")
            if radius is not None:
                assert "lat" in where, draft.id
                assert radius >= LEAST_RADIUS_KM or draft.body["source"]["discipline"] == "SENSOR", draft.id
            when = draft.body.get("when")
            assert when is None or when.get("end") is None or when["start"] < when["end"], draft.id

    def test_originals_match_their_digest(self, translation: Translation) -> None:
        """Where bytes travel, they are the ones of the digest."""
        for draft in translation.drafts:
            original = draft.body.get("original")
            if original is not None and original.get("bytes") is not None:
                assert hashlib.sha256(original["bytes"]).hexdigest() == original["sha256"], draft.id

    def test_the_same_bytes_give_the_same_drafts(self, sample: Sample, translation: Translation) -> None:
        """A publisher tells a changed record by its content: with chance or a clock in it every record is changed."""
        assert self.adapter.translate(sample.data, sample.options) == translation

    def test_a_broken_file_raises_nothing(self, sample: Sample) -> None:
        """Cut, doubled, flipped and shuffled bytes end in drafts and refusals."""
        chance = random.Random(sample.name)
        for _ in range(MUTATIONS):
            broken = mutated(sample.data, chance)
            found = self.adapter.translate(broken, sample.options)
            for refused in found.refused:
                assert refused.code in set(Code)
                assert refused.expected
                assert refused.remedy
            for draft in events(found):
                assert not isinstance(validate(Event, draft.body), Refusal)

    @pytest.mark.parametrize("data", FOREIGN, ids=[repr(data[:8]) for data in FOREIGN])
    def test_a_file_of_another_format_is_refused_as_a_whole(self, data: bytes) -> None:
        """One refusal that names no row, and no draft."""
        found = self.adapter.translate(data, {})
        assert not found.drafts
        assert [refused.row for refused in found.refused] == [0]

    def test_an_unknown_option_is_a_wrong_usage(self, sample: Sample) -> None:
        """A misspelled option must not be passed over in silence."""
        with pytest.raises(UsageError):
            self.adapter.translate(sample.data, {**sample.options, "no such option": "x"})


def events(translation: Translation) -> list[Draft]:
    """The drafts that say that something happened or is expected."""
    return [draft for draft in translation.drafts if draft.kind == "event"]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Break a file in one of the ways in which files break."""
    out = bytearray(data)
    at = chance.randrange(len(out))
    match chance.randrange(5):
        case 0:
            del out[at:]
        case 1:
            out[at] ^= 1 << chance.randrange(8)
        case 2:
            out[at:at] = out[at : at + chance.randrange(1, 400)]
        case 3:
            out[at:at] = chance.choice([b"\0", b'"', b"\n", b"\xff", b"\xed\xa0\x80", b"NaN", b"[" * 64, b"1e999"])
        case _:
            del out[at : at + chance.randrange(1, 400)]
    return bytes(out)
