"""A story's file is good, or everything that is wrong with it is said, each fault with its place and its remedy."""

import re
import tomllib
from pathlib import Path

import pytest

from bus.exercise import Fault, Story, read_story, shipped
from bus.exercise.read import MOST_BYTES

README = Path(__file__).resolve().parents[2] / "bus" / "exercise" / "README.md"
VIGIL = shipped().decode()


def faults(text: str) -> list[Fault]:
    found = read_story(text.encode())
    return [] if isinstance(found, Story) else found


def changed(old: str, new: str) -> str:
    assert old in VIGIL
    return VIGIL.replace(old, new, 1)


def test_the_shipped_story_and_the_one_of_the_readme_are_good() -> None:
    (told,) = re.findall(r"```toml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert faults(VIGIL) == faults(told) == []


RETRACTION = 'do = "retract"\nids = ["radio-1"]\n'
PATROL = '{ name = "patrols", floor = "COALITION RESTRICTED//REL TO NGO, UN", curated = true }'


@pytest.mark.parametrize(("old", "new", "place", "said"), [
    ('title = "Three', 'titel = "Three', "titel", "Did you mean `title`?"),
    ('exercise = "VIGIL"', 'exercise = "REAL"', "exercise", "other than REAL and TEST"),
    ("starts_at = 2024-05-06T06:00:00Z", "starts_at = 2024-05-06T06:00:00", "starts_at", "offset from UTC"),
    ("starts_at = 2024-05-06T06:00:00Z", "", "starts_at", "this field"),
    ("curated = true", "curate = true", "agency 4, feed 2, curate", "Did you mean `curated`?"),
    ("curated = true", 'curated = "yes"', "agency 4, feed 2, curated", "true or false"),
    ('need = ["SIGINT"]', 'need = ["SIGNALS"]', "agency 5", "one of GEOINT, HUMINT"),
    ('levels = ["COALITION SECRET"]', 'levels = ["COALITION TOP"]', "agency 5", "COALITION SECRET"),
    ('name = "ministry"', 'name = "newsroom"', "agency 2, name", "no other agency"),
    ('name = "ministry"', 'name = "operator"', "agency 2, name", "silent feeds"),
    ('name = "ministry"', 'name = "gbr"', "agency 2, name", "an audience"),
    ('name = "ministry"', 'name = "bus"', "agency 2, name", "other than"),
    (PATROL, PATROL.replace("RESTRICTED", "LOW"), "agency 4, feed 2", "floor"),
    ("uncertainty_km = 2.0", "radius_km = 2.0", "places.amberley.radius_km", "uncertainty_km"),
    ("lat = 2.41", "lat = 92.41", "places.amberley.lat", "at most 90"),
    ('do = "retract"', 'do = "withdraw"', "step 6, act 1, do", "one of publish, amend, retract"),
    ('do = "retract"', "", "step 6, act 1, do", "one of publish, amend, retract"),
    (RETRACTION, RETRACTION + 'because = "x"\n', "step 6, act 1, because", "do, ids, reason, note, refused"),
    (RETRACTION, 'do = "retract"\nids = []\n', "step 6, act 1, ids", "at least 1"),
    (RETRACTION, 'do = "retract"\nids = ["radio-1", "heard-1"]\n', "step 6, act 1, ids", "one agency"),
    (RETRACTION, 'do = "retract"\nids = ["radio-2"]\n', "step 6, act 1, ids", "`radio-1`, `heard-1`"),
    ('reason = "ERROR"', 'reason = "OOPS"', "step 6, act 1, reason", "ERROR"),
    ('for = "13h"', 'for = "13 hours"', "step 9, act 1, for", '"2h"'),
    ('for = "13h"', 'for = "0h"', "step 9, act 1, for", '"2h"'),
    ('for = "13h"', 'length = "13h"', "step 9, act 1, length", "do, for"),
    ('every = "6h"', "every = 6", "step 2, act 4, every", '"2h"'),
    ('every = "6h"', 'every = "40d"', "step 2, act 4, every", "at most 31 days"),
    ('for = "15d"', 'for = "300d"', "step 10, act 1, for", "at most 300 days in all"),
    ('by = "ministry"', 'by = "ministery"', "step 3, act 1, by", "`ministry`"),
    ('feed = "statements"', 'feed = "radio"', "step 3, act 1, feed", "`statements`"),
    ('id = "denial-1"', 'id = "radio-1"', "step 3, act 1, id", "not used yet"),
    ('id = "denial-1"', 'id = "no:colon"', "step 3, act 1, id", "pattern"),
    ('do = "amend"\nid = "patrol-17"', 'do = "amend"\nid = "patrol-18"', "step 4, act 1, id", "`patrol-17`"),
    ('about = ["radio-1"]', 'about = ["radio-2"]', "step 3, act 1, event.source.about", "`radio-1`"),
    ('event.where = "tarn-bridge"', 'event.where = "tarn"', "step 2, act 3, event.where", "`tarn-bridge`"),
    ('{ ahead = "1h"', '{ ago = "1h", ahead = "1h"', "step 2, act 3, event.when", "either `ago` or `ahead`"),
    ('event.type = "violence.attack.armed"', 'event.type = "war"', "step 1, act 1, event.type", "taxonomy"),
    ('event.type = "violence.attack.armed"', "", "step 1, act 1, event.type", "this field"),
    ('event.sectors = ["CAMP"]', 'event.sector = ["CAMP"]', "step 1, act 1, event.sector", "Did you mean `sectors`?"),
    ('reliability = "C"', 'reliability = "G"', "step 1, act 1, event.source.reliability", "one of"),
    ('reliability = "C"', 'reliable = "C"', "step 1, act 1, event.source.reliable", "Did you mean `reliability`?"),
    ("best = 7", "best = -7", "step 4, act 1, event.counts[1].best", "at least 0"),
    ('expires_in = "12h"', 'label = "COALITION UNCLASSIFIED"', "step 2, act 3, label", "feed's floor"),
    ('expires_in = "12h"', 'label = "NATO SECRET"', "step 2, act 3, label", "COALITION"),
    ('expires_in = "12h"', 'label = "secret"', "step 2, act 3, label", "COALITION SECRET"),
    ('expires_in = "12h"', 'label = "COALITION SECRET//REL TO UN//TEST"', "step 2, act 3, label", "no realm"),
    ('expires_in = "12h"', 'refused = "BECAUSE"', "step 2, act 3, refused", "`LABEL_BELOW_FLOOR`"),
    ('agencies = ["observers"]', 'agencies = ["observer"]', "step 7, expect 1, agencies", "`observers`"),
    ('agencies = ["observers"]', "agencies = []", "step 7, expect 1, agencies", "at least 1"),
    ('has = ["denial-1"]', 'has = ["intercept-1"]', "step 3, expect 1, has", "`denial-1`"),
    ('has = ["denial-1"]', 'hase = ["denial-1"]', "step 3, expect 1, hase", "has"),
    ('never = ["patrol-17"]', 'never = ["patrol-71"]', "step 4, expect 2, never", "`patrol-17`"),
    ('"AUTHOR_RETRACTED"', '"AWAY"', "step 6, expect 1, gone.radio-1", "EXPIRED"),
    ('confidence = "likely"', 'confidence = "sure"', "step 2, expect 1, alerts 1, confidence", "`almost certain`"),
    ("origins = 2", "origin = 2", "step 2, expect 1, alerts 1, origin", "Did you mean `origins`?"),
    ("severity = 2", "severity = 5", "step 2, expect 1, alerts 1, severity", "at most 4"),
    ('silent = ["observers/patrols"]', 'silent = ["observers/patrol"]', "step 9, silent", "`observers/patrols`"),
    ('silent = ["observers/patrols"]', 'silent = ["patrols"]', "step 9, silent[1]", "pattern"),
    ('agencies = ["newsroom", "ministry"]\nnever', 'agencies = ["newsroom", "relief"]\nnever', "step 2, expect 2",
     "`alerts` of relief once in a step"),
    ('reports = ["intercept-1"]', 'reports = ["intercept-2"]', "unseen 1, reports", "`intercept-1`"),
    ('by = ["newsroom", "ministry", "relief"]', 'by = ["press"]', "unseen 1, by", "`newsroom`"),
])  # fmt: skip
def test_a_fault_is_found_at_its_place_and_the_remedy_helps(old: str, new: str, place: str, said: str) -> None:
    found = faults(changed(old, new))
    at = [fault for fault in found if fault.place == place]
    assert at, [str(fault) for fault in found]
    assert said in str(at[0])


def test_every_fault_of_a_file_is_said() -> None:
    text = changed('title = "Three', 'titel = "Three').replace("curated = true", "curate = true")
    assert {fault.place for fault in faults(text)} == {"title", "titel", "agency 4, feed 2, curate"}


def test_what_must_be_refused_may_break_any_rule_but_names() -> None:
    text = changed('expires_in = "12h"', 'label = "COALITION UNCLASSIFIED//PUBLIC"\nrefused = "LABEL_BELOW_FLOOR"')
    assert faults(text) == []


@pytest.mark.parametrize("data", [b"\xff\xfe", b"exercise =", b"a = 1" + b"0" * 5000, b"a=" + b"[" * 5000])
def test_what_is_no_toml_is_said(data: bytes) -> None:
    found = read_story(data)
    assert not isinstance(found, Story)
    assert [fault.place for fault in found] == ["the file"]


def test_a_file_beyond_all_measure_is_not_parsed() -> None:
    found = read_story(b"#" * (MOST_BYTES + 1))
    assert not isinstance(found, Story)
    assert "bytes" in found[0].expected


def test_the_readme_names_every_key_of_the_format() -> None:
    told = README.read_text("utf-8")
    schema = Story.model_json_schema()
    for model in (schema, *schema["$defs"].values()):
        if model.get("title") not in {"Where", "Admin"}:  # an event's own
            assert [key for key in model.get("properties", {}) if not re.search(rf"[`.\[]{key}\b", told)] == []


def test_a_story_is_told_by_its_file_alone() -> None:
    assert tomllib.loads(VIGIL)["exercise"] == "VIGIL"
    assert VIGIL.startswith("# VIGIL: ")
