"""What holds for the document of any registry: random ones, made by the functions that admins use.

The ordinary run tries a few registries on each database, `pytest -m soak` many.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from issuer.registry import audit
from issuer.registry.document import apply, export, form, text
from issuer.registry.document.apply import Pruning
from tests.registry import random_registry

SEEDS = pytest.mark.parametrize(
    "seed", [*range(7), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(7, 207))]
)


def through_a_file(document):
    """Return a document as it comes out of the file that it was written to."""
    return form.read(text.read(text.write(form.write(document)).encode()))


@pytest.fixture
def registry_of(registrar) -> Callable[[int], None]:
    """Give the function that fills the registry at random."""

    def fill(seed: int) -> None:
        random_registry.change_at_random(registrar, Random(seed), 70, random_registry.ALL)

    return fill


@SEEDS
def test_applying_what_is_registered_changes_nothing(registrar, registry_of, clock, version, seed):
    registry_of(seed)
    clock.step(1000)
    raised, events = version(), audit.list_events(registrar, 1)

    outcome = apply.apply(registrar, export.export(registrar), Pruning.ANYTHING)

    assert outcome.differences == ()
    assert version() == raised
    assert audit.list_events(registrar, 1) == events


@SEEDS
def test_an_empty_registry_becomes_the_one_that_was_exported(
    registrar, registry_of, clock, start_afresh, version, seed
):
    registry_of(seed)
    document = export.export(registrar)
    clock.step(1000)
    other = start_afresh()

    apply.apply(other, through_a_file(document))

    assert export.export(other) == document
    assert apply.apply(other, document, Pruning.ANYTHING).differences == ()


@SEEDS
def test_a_registry_that_went_on_comes_back(registrar, registry_of, seed):
    random = Random(seed)
    registry_of(seed)
    document = export.export(registrar)
    random_registry.change_at_random(registrar, random, 40, random_registry.REVERSIBLE)

    apply.apply(registrar, document, Pruning.ANYTHING)

    assert replace(export.export(registrar), trust_groups=()) == replace(document, trust_groups=())
