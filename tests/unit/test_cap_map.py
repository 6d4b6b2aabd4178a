"""What an alert says stands in the event, and what CAP does not say stays unknown."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.cap import ADAPTER
from adapters.translation import Draft
from tests.support.samples import DATA

GOOD = (DATA / "cap_rules" / "good.cap").read_text("utf-8")


def drafts(data: str | bytes | Path, **options: str) -> tuple[Draft, ...]:
    if isinstance(data, Path):
        data = data.read_bytes()
    found = ADAPTER.translate(data.encode() if isinstance(data, str) else data, options)
    assert not found.refused, [str(one) for one in found.refused]
    return found.drafts


def body(data: str | Path) -> dict[str, Any]:
    (draft,) = drafts(data)
    return draft.body


def at(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp() * 1000)


def with_times(onset: str = "", expires: str = "", urgency: str = "Immediate", certainty: str = "Observed") -> str:
    times = f"<onset>{onset}</onset>" * bool(onset) + f"<expires>{expires}</expires>" * bool(expires)
    text = GOOD.replace("<headline>", f"{times}<headline>", 1)
    return text.replace(">Immediate<", f">{urgency}<").replace(">Observed<", f">{certainty}<")


@pytest.mark.parametrize(
    ("urgency", "certainty", "onset", "nature"),
    [
        ("Immediate", "Observed", "", "INCIDENT"),
        ("Immediate", "Observed", "2024-05-17T16:04:59-00:00", "INCIDENT"),
        ("Immediate", "Observed", "2024-05-17T16:05:01-00:00", "EXPECTED"),  # it lies ahead, whoever says what
        ("Past", "Likely", "", "INCIDENT"),
        ("Immediate", "Likely", "", "EXPECTED"),
        ("Immediate", "Likely", "2024-05-17T16:00:00-00:00", "EXPECTED"),
        ("Future", "Possible", "", "EXPECTED"),
        ("Unknown", "Unknown", "", "EXPECTED"),
    ],
)
def test_what_lies_ahead_or_is_only_likely_is_expected(urgency: str, certainty: str, onset: str, nature: str) -> None:
    assert body(with_times(onset, urgency=urgency, certainty=certainty))["nature"] == nature


def test_an_abduction_code_tells_of_what_has_happened() -> None:
    found = body(DATA / "cap" / "amber.atom")
    assert (found["nature"], found["type"]) == ("INCIDENT", "violence.abduction")


def test_the_interval_runs_from_the_onset_to_the_expiry_and_the_record_never_expires() -> None:
    (draft,) = drafts(with_times("2024-05-17T12:00:00+02:00", "2024-05-18T12:00:00+02:00"))
    assert draft.body["when"] == {"start": at("2024-05-17T12:00:00+02:00"), "end": at("2024-05-18T12:00:00+02:00")}
    assert draft.modified_at == at("2024-05-17T16:05:00+00:00")
    assert draft.party == "warnings@example.org"
    assert "expires_at" not in draft.body


def test_without_an_onset_it_begins_when_it_was_sent_and_without_expiry_it_goes_on() -> None:
    assert body(GOOD)["when"] == {"start": at("2024-05-17T16:05:00+00:00")}


def test_an_expiry_before_the_beginning_is_left_out_and_said() -> None:
    text = with_times("2024-05-17T12:00:00+02:00", "2024-05-17T11:00:00+02:00")
    found = ADAPTER.translate(text.encode())
    assert found.drafts[0].body["when"] == {"start": at("2024-05-17T12:00:00+02:00")}
    assert dict(found.loss.notes) == {"a time of expiry that is not after the beginning is left out": 1}


def test_an_earthquake_was_when_its_survey_says() -> None:
    start = at("2010-08-30T23:25:00+00:00")
    assert body(DATA / "cap" / "earthquake.cap")["when"] == {"start": start, "end": start + 60_000}
    signed = body(DATA / "cap" / "earthquake_signed.cap")  # this one has an onset
    assert signed["when"]["start"] == at("2011-09-06T01:33:57+00:00")
    compact = body(DATA / "cap" / "earthquake-iso8859-1.cap")
    assert compact["when"]["start"] == at("2012-10-14T22:40:56+00:00")


def test_what_is_past_without_a_time_of_its_own_has_none() -> None:
    assert "when" not in body(with_times(urgency="Past"))


def test_an_all_clear_ends_the_hazard_that_its_first_message_began() -> None:
    (draft,) = drafts(DATA / "cap_world" / "protection_all_clear.cap")
    assert draft.body["when"] == {"start": at("2024-06-05T07:00:00+02:00"), "end": at("2024-06-07T09:00:00+02:00")}
    assert draft.replaces == ("cap:PC-2", "cap:PC-1")
    canada = body(DATA / "cap" / "canada.cap")
    assert canada["when"] == {"start": at("2012-05-02T21:45:05+00:00"), "end": at("2012-05-02T23:20:00+00:00")}


def test_an_all_clear_that_names_no_beginning_still_ends_it() -> None:
    text = GOOD.replace("<urgency>", "<responseType>AllClear</responseType><urgency>")
    end = at("2024-05-17T16:05:00+00:00")
    assert body(text)["when"] == {"start": end - 60_000, "end": end}


def test_languages_are_versions_of_one_event() -> None:
    (draft,) = drafts(DATA / "cap_world" / "iceland.cap")
    assert [text["language"] for text in draft.body["texts"]] == ["en-GB", "is-IS"]
    assert draft.body["texts"][1]["headline"] == "Eldgos er hafið"
    (canadian,) = drafts(DATA / "cap" / "canada_signed.cap")
    assert [text["language"] for text in canadian.body["texts"]] == ["en-CA", "fr-CA"]


def test_two_hazards_of_one_time_are_two_events_each_in_both_languages() -> None:
    one, two = drafts(DATA / "cap_world" / "meteoalarm.cap")
    assert two.id == f"{one.id}:2"
    assert [text["headline"] for text in one.body["texts"]] == ["Wind warning", "Windwarnung"]
    assert [text["headline"] for text in two.body["texts"]] == ["Snow warning", "Schneewarnung"]
    assert one.body["part_of"] == [
        "cap-incident:warnungen@geosphere.at:Alpine_storm_7",
        "cap-incident:warnungen@geosphere.at:storm-8",
    ]
    firsts = [draft.body["source"]["derived_from"] for draft in (one, two)]
    public = "cap:warnungen@geosphere.at,2.49.0.0.40.0.AT.20241201.1"
    assert firsts == [[public], [f"{public}:2", public]]


def test_infos_that_differ_in_area_or_geocode_alone_are_one_event() -> None:
    (draft,) = drafts(DATA / "cap" / "australia.cap")
    (text,) = draft.body["texts"]
    assert text["language"] == "en-AU"
    assert text["headline"] == "Yerong Creek Structure Fire"
    codes = [key for key in draft.body["attributes"] if key.startswith("cap.geocode.")]
    assert len(codes) == 2


def test_what_happened_and_what_is_expected_next_are_two_events_of_two_natures() -> None:
    one, two = drafts(DATA / "cap_world" / "protection_alert.cap")
    assert [draft.body["nature"] for draft in (one, two)] == ["INCIDENT", "EXPECTED"]
    assert [text["language"] for text in one.body["texts"]] == ["en", "ar"]
    assert {draft.body["type"] for draft in (one, two)} == {"violence.attack.armed"}
    assert one.body["where"]["countries"] == ["SDN"]
    assert one.body["attributes"]["cap.parameter.persons_displaced"] == "1200"
    assert "actors" not in one.body
    assert "counts" not in one.body


def test_the_three_realms_stay_apart() -> None:
    found = [drafts(DATA / "cap_world" / name)[0].status for name in ("exercise.cap", "test.cap", "bom.cap")]
    assert found == ["EXERCISE", "TEST", "ACTUAL"]


@pytest.mark.parametrize(
    ("language", "read"),
    [
        ("", "en-US"),
        ("<language>EN-gb</language>", "en-gb"),
        ("<language>i-default</language>", "und"),
        ("<language>zh-Hans-HK</language>", "zh-Hans-HK"),
    ],
)
def test_a_text_without_language_is_american_and_an_odd_one_unknown(language: str, read: str) -> None:
    found = body(GOOD.replace("<language>en-US</language>", language))
    assert [text["language"] for text in found["texts"]] == [read]


def test_latin_1_bytes_are_read_as_what_they_are() -> None:
    assert "Usulután" in body(DATA / "cap" / "earthquake-iso8859-1.cap")["where"]["name"]


def test_cap_1_0_spells_codes_in_its_own_way_and_its_password_goes_nowhere() -> None:
    path = DATA / "cap_rules" / "v10.cap"
    (draft,) = drafts(path)
    attributes = draft.body["attributes"]
    assert attributes["cap.eventCode.SAME"] == "EQW"
    assert attributes["cap.parameter.Magnitude"] == "3.4"
    assert draft.body["where"]["countries"] == ["USA"]
    assert (draft.body["type"], draft.body["nature"]) == ("hazard.geo", "INCIDENT")
    assert "letmein" not in json.dumps(draft.body, default=str)
    assert drafts(DATA / "cap_rules" / "v10-reference.cap")[0].replaces == ("cap:rule-0",)


def test_who_may_not_pass_it_on_is_told() -> None:
    assert body(DATA / "cap_world" / "restricted.cap")["source"]["onward"] == "NONE"
    assert body(GOOD)["source"]["onward"] == "OPEN"


def test_contacts_and_addresses_go_nowhere_and_the_account_says_so() -> None:
    found = ADAPTER.translate((DATA / "cap" / "amber.atom").read_bytes())
    assert "202-727-9099" not in json.dumps(found.drafts[0].body, default=str)
    (contact,) = [column for column in found.loss.columns if column.name == "info.contact"]
    assert (contact.dropped, contact.why) == (1, "names persons and their telephone numbers")


def test_one_alert_is_the_same_whatever_carried_it() -> None:
    (alone,) = drafts(DATA / "cap" / "canada_signed.cap")
    (carried,) = drafts(DATA / "cap" / "canada_signed.atom")
    assert alone.body["texts"][0] == carried.body["texts"][0]
    assert alone.id == carried.id
    feed = f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:x="urn:x"><id>f</id><title>t</title><updated>u</updated>\
<entry><id>e</id><title>t</title><updated>u</updated><content>{GOOD.partition("?>")[2]}</content></entry></feed>'
    assert drafts(feed) == drafts(GOOD)


def test_an_identifier_that_fits_no_id_is_hashed_and_its_further_events_follow_it() -> None:
    long = "urn:" + "x" * 125
    text = (DATA / "cap_world" / "protection_alert.cap").read_text("utf-8").replace("PC-1<", f"{long}<")
    one, two = drafts(text)
    assert len(one.id) == len("cap:") + 32
    assert two.id == f"{one.id}:2"


def test_an_update_with_its_own_identifier_amends_and_replaces_the_others() -> None:
    text = (DATA / "cap_rules" / "reference-good.cap").read_text("utf-8")
    text = text.replace(",rule-00,", ",rule-1,")
    (draft,) = drafts(text)
    assert (draft.id, draft.replaces) == ("cap:rule-1", ("cap:rule-0",))


def test_an_alert_of_a_hundred_events_is_none() -> None:
    info = GOOD[GOOD.index("<info>") : GOOD.index("</alert>")]
    infos = "".join(info.replace("Armed attack", f"Attack {number}") for number in range(100))
    found = ADAPTER.translate(GOOD.replace(info, infos).encode())
    assert not found.drafts
    assert [one.field for one in found.refused] == ["info"]


def test_an_alert_of_more_elements_than_anybody_means_is_refused_alone() -> None:
    alert = GOOD.split("?>", 1)[1].strip()
    more = "<parameter><valueName>n</valueName><value>v</value></parameter>" * 7000
    bad = re.sub("<identifier>.*?</identifier>", "<identifier>bad</identifier>", alert).replace(
        "<area>", f"{more}<area>"
    )
    found = ADAPTER.translate(f"<alerts>{bad}{alert}</alerts>".encode())
    assert [(one.rule, one.row) for one in found.refused] == [("TOO_MANY_TAGS", 1)]
    assert len(found.drafts) == 1
    few = bad.replace(more, more[: len(more) // 7])
    assert len(ADAPTER.translate(few.encode()).drafts) == 1


def test_an_alert_without_a_canonical_form_is_refused_and_takes_no_other_along() -> None:
    alert = GOOD.split("?>", 1)[1].strip()
    bad = alert.replace("<alert ", '<alert xmlns:q="no-absolute-uri" ', 1)
    bad = re.sub("<identifier>.*?</identifier>", "<identifier>bad</identifier>", bad)
    found = ADAPTER.translate(f'<alerts xmlns:r="nor-this">{bad}{alert}</alerts>'.encode())
    assert [(one.code, one.row) for one in found.refused] == [("BAD_VALUE", 1)]
    (whole,) = drafts(GOOD)
    assert [one.id for one in found.drafts] == [whole.id]
    assert found.drafts[0].body["original"] == whole.body["original"], "whatever carries it"
