"""Tables look as Flux's do."""

from __future__ import annotations

from fairlead.cli.tables import format_table


def test_cells_are_padded_to_the_column_and_parted_by_tabs() -> None:
    text = format_table(["NAME", "READY"], [["apps", "True"], ["infrastructure", "False"]])
    assert text.split("\n") == [
        "NAME          \tREADY",
        "apps          \tTrue ",
        "infrastructure\tFalse",
    ]


def test_the_header_can_be_left_out_and_newlines_do_not_break_rows() -> None:
    assert format_table(["A"], [["one\ntwo"]], with_header=False) == "one two"
    assert format_table(["A"], [], with_header=False) == ""
