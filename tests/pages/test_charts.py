"""Charts: columns in proportion, nothing for nothing, and the smallest still to be seen."""

from issuer.pages import charts


def test_columns_stand_in_proportion_on_the_ground():
    chart = charts.draw([10, 0, 5], 4, 20)

    assert (chart.width, chart.height, chart.highest) == (12, 20, 10)
    assert [(one.x, one.y, one.width, one.height, one.value) for one in chart.columns] == [
        (0, 0, 3, 20, 10),
        (8, 10, 3, 10, 5),
    ]


def test_a_little_beside_much_is_still_to_be_seen():
    assert charts.draw([1, 1_000_000], 3, 18).columns[0].height == 2


def test_nothing_draws_nothing():
    assert charts.draw([0, 0], 3, 18).columns == ()
    assert charts.draw([], 3, 18).columns == ()
