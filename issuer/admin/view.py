"""A view with its address and who may call it: one line each, so that neither can be forgotten."""

from collections.abc import Callable
from dataclasses import dataclass

from flask.typing import ResponseReturnValue

from issuer.pages.gate import Policy

Answer = Callable[..., ResponseReturnValue]


@dataclass(frozen=True, slots=True)
class View:
    """One address of the console. path: below /admin. name: of its endpoint, `admin.<name>`."""

    path: str
    name: str
    policy: Policy
    answer: Answer
    methods: tuple[str, ...] = ("GET",)
