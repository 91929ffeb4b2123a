"""The default rules on sentences labelled by reading: what the benchmark counts, held here sentence by sentence."""

from alerts.match import Matcher
from alerts.rules import load
from bench.labelled import Score, cases, found, score

KNOWN = {"دفاتر آي.سي.تي. روستايي"}
"""Not as labelled yet: a dot after the last letter of an abbreviation is read as a sentence's end."""


def test_there_are_enough_of_them_and_half_were_published() -> None:
    kinds = [case.kind for case in cases()]
    assert len(kinds) >= 300
    assert sum(kind in {"news", "everyday", "held-out"} for kind in kinds) * 2 >= len(kinds)
    assert len({case.text for case in cases()}) == len(kinds)
    assert {rule.id for rule in load()} >= {rule for case in cases() for rule, _, _ in case.expected}


def test_each_is_found_as_labelled() -> None:
    matcher = Matcher(load())
    wrong = [case for case in cases() if found(matcher, case) != case.expected]
    assert {case.text for case in wrong} == KNOWN


def test_precision_and_recall() -> None:
    whole = sum(score(Matcher(load()), cases()).values(), Score())
    assert whole.precision >= 0.99
    assert whole.recall >= 0.98


def test_a_span_that_is_wrong_is_counted_as_wrong_and_as_missed() -> None:
    (case,) = (case for case in cases() if case.text in KNOWN)
    assert score(Matcher(load()), [case]) == {"dots": Score(right=0, wrong=1, missed=1)}
    assert Score(3, 1, 0).precision == 0.75
    assert Score(3, 0, 1).recall == 0.75


def test_no_rules_miss_everything() -> None:
    none = sum(score(Matcher([]), cases()).values(), Score())
    assert (none.right, none.wrong, none.recall) == (0, 0, 0.0)
