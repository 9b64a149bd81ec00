"""`issuer family end`."""

import pytest


def test_how_many_ended_is_told(used):
    ran = used("family", "end", "--all", "--json")

    assert (ran.status, ran.document) == (0, {"ended": 0})


@pytest.mark.parametrize("options", [(), ("--all", "--client", "one")])
def test_whose_must_be_said(used, options):
    ran = used("family", "end", *options)

    assert ran.status == 2
    assert "Say whose: --client CLIENT_ID or --all." in ran.err


def test_an_unknown_client_is_refused(used):
    assert used("family", "end", "--client", "nobody", "--json").status == 1
