"""Rounds of requests on connections of their own, enough to reach every worker.

The kernel spreads new connections over the workers: of four, one is left out by 64 connections once in
some twenty million rounds.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.flows.servers import Answer, Server
from tests.flows.shop import Account

ENOUGH = 64
THREADS = 8


def ask(server: Server, account: Account, audience: str, times: int = ENOUGH) -> list[Answer]:
    """Return the answers to token requests, each on its own connection."""
    return run(lambda: server.ask_token(account.client_id, account.secret, audience=audience), times)


def run(send: Callable[[], Answer], times: int = ENOUGH) -> list[Answer]:
    """Return what so many calls give, eight at a time."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda _: send(), range(times)))


def statuses(answers: list[Answer]) -> set[int]:
    """Return the statuses among answers."""
    return {answer.status for answer in answers}
