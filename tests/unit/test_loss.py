"""The account of a file: every cell once."""

from adapters import Loss
from adapters.loss import ColumnLoss, Tally


def tally() -> Tally:
    made = Tally(("id", "killed", "secret\x1b[2J", "new"), read=(0, 1), why={2: "personal data"})
    made.rows, made.refused = 10, 3
    made.defaulted([1])
    made.defaulted([1])
    made.notes["figures out of order"] += 2
    return made


def test_the_cells_of_read_columns_are_mapped_or_defaulted_and_those_of_refused_rows_dropped() -> None:
    loss = tally().close()
    assert loss.columns[0] == ColumnLoss("id", mapped=7, defaulted=0, dropped=3, why="")
    assert loss.columns[1] == ColumnLoss("killed", mapped=5, defaulted=2, dropped=3, why="")


def test_a_column_that_is_not_read_is_dropped_whole_and_says_why() -> None:
    loss = tally().close()
    assert loss.columns[2][1:] == (0, 0, 10, "personal data")
    assert loss.columns[3][1:] == (0, 0, 10, "no field of the mapping reads it")


def test_the_sums_are_columns_times_rows() -> None:
    loss = tally().close()
    assert (loss.mapped, loss.defaulted, loss.dropped) == (12, 2, 26)
    assert loss.mapped + loss.defaulted + loss.dropped == len(loss.columns) * loss.rows
    assert loss.report()["dropped"] == 26
    assert loss.report()["notes"] == {"figures out of order": 2}


def test_the_account_for_a_person_names_what_was_dropped_and_can_not_drive_a_terminal() -> None:
    text = str(tally().close())
    assert "10 rows x 4 columns: 12 cells mapped, 2 defaulted, 26 dropped" in text
    assert r"dropped: secret\x1b[2J (personal data)" in text
    assert "2 x figures out of order" in text
    assert "\x1b" not in text


def test_a_file_without_rows_has_an_account_of_nothing() -> None:
    assert str(Loss(0, ())) == "0 rows x 0 columns: 0 cells mapped, 0 defaulted, 0 dropped"
