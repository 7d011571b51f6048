"""Places of a list box: which line one stands for, whenever the click was."""

from __future__ import annotations

from heliconemagic.views.list_places import MOST_BLANKS, ListPlaces


def test_lines_that_stay_keep_their_places() -> None:
    """Also when others come after them, or the last ones go."""
    places = ListPlaces()
    assert [places.put("abc"), places.put("abcd"), places.put("ab"), places.put("abcd")] == [0, 0, 0, 0]
    assert [places.find(place) for place in (0, 3, 4, None)] == ["a", "d", None, None]


def test_other_lines_begin_below() -> None:
    """The places of those before stand for what they stood for."""
    places = ListPlaces()
    places.put("abc")
    assert places.put("xab") == 3 and places.count == 6
    assert [places.find(place) for place in range(6)] == ["a", "b", "c", "x", "a", "b"]


def test_places_are_bounded() -> None:
    """After some changes the first places are taken again, the oldest ones."""
    places = ListPlaces()
    firsts = [places.put([f"{number}-{line}" for line in range(100)]) for number in range(12)]
    assert firsts[:3] == [0, 100, 200] and max(firsts) == MOST_BLANKS and firsts[9] == 0
    assert places.find(firsts[11]) == "11-0" and places.find(MOST_BLANKS) == "8-0"
