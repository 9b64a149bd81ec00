"""List pages: search, filters, order and place in the address, and nothing forged."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.pages import showroom
from tests.pages.conftest import Visitor

ROWS = "/admin/showroom/rows"


def next_url(page: str) -> str:
    """Return where the link to the next page leads."""
    return re.search(r'href="([^"]+)" rel="next"', page).group(1).replace("&amp;", "&")


def test_the_next_page_goes_on_where_this_one_ends(visitor: Visitor):
    first = visitor.open(ROWS).text

    second = visitor.open(next_url(first)).text

    assert "1\u201350 of 60" in first
    assert "51\u201360 of 60" in second
    assert 'rel="next"' not in second
    assert f'href="{ROWS}">First page' in second


def test_a_thousand_rows_are_turned_over_to_the_last(visitor: Visitor):
    pages = [visitor.open(f"{ROWS}?rows=1000").text]
    while 'rel="next"' in pages[-1]:
        pages.append(visitor.open(next_url(pages[-1])).text)

    assert len(pages) == 20
    assert "1\u201350 of 1,000" in pages[0]
    assert "951\u20131,000 of 1,000" in pages[-1]


def test_search_filters_and_order_stay_on_the_next_page(visitor: Visitor):
    page = visitor.open(f"{ROWS}?q=audience&state=active&sort=-clients").text

    query = parse_qs(urlsplit(next_url(page)).query)

    assert {name: query[name] for name in ("q", "state", "sort")} == {
        "q": ["audience"],
        "state": ["active"],
        "sort": ["-clients"],
    }


def test_the_order_is_told_and_turned_round(visitor: Visitor):
    page = visitor.open(f"{ROWS}?sort=clients").text

    assert re.search(r'aria-sort="ascending">\s*<a href="/admin/showroom/rows\?sort=-clients">Clients', page)
    assert re.search(r'aria-sort="none">\s*<a href="/admin/showroom/rows">Name', page)


@pytest.mark.parametrize(
    "query",
    [
        "sort=password",
        "sort=--name",
        "sort=name;drop",
        "sort=name&sort=clients",
        "state=unheard",
        "unheard=1",
        "q=%00",
        "q=" + "x" * 256,
        "q=%E2%80%AEx",
        "after=forged",
        "after=" + "x" * 5000,
        "after=WzUwLCJ4Il0.AAAA",
        "q=a&q=b",
    ],
)
def test_what_no_page_asks_is_refused(visitor: Visitor, query: str):
    answer = visitor.open(f"{ROWS}?{query}")

    assert answer.status_code == 400
    assert "damaged or out of date" in answer.text


@pytest.mark.parametrize("other", ["q=x", "state=active", "sort=clients", "sort=-name"])
def test_a_cursor_of_another_order_or_search_is_refused(visitor: Visitor, other: str):
    cursor = parse_qs(urlsplit(next_url(visitor.open(ROWS).text)).query)["after"][0]

    assert visitor.open(f"{ROWS}?{other}&after={cursor}").status_code == 400


def test_a_cursor_with_one_letter_changed_is_refused(visitor: Visitor):
    url = next_url(visitor.open(ROWS).text)

    assert visitor.open(url).status_code == 200
    assert visitor.open(url[:-3] + ("A" if url[-3] != "A" else "B") + url[-2:]).status_code == 400


def test_a_search_that_finds_nothing_offers_the_whole_list(visitor: Visitor):
    page = visitor.open(f"{ROWS}?rows=0").text

    assert "No audiences like that" in page
    assert f'href="{ROWS}">Show all' in page


def test_a_search_is_shown_harmless(visitor: Visitor):
    page = visitor.open(ROWS, query_string={"q": showroom.HOSTILE}).text

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
