"""The metrics in Prometheus' words: names, labels and types.

No label holds anything that a request brought: identifiers are registered ones, grant types and errors
are ours. Clients and subjects are no labels at all.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from issuer.model.duration import BOUNDS_MICROSECONDS, LONGER, DurationSum
from issuer.model.signing_key import KeyState, StoredKey
from issuer.model.usage import ISSUED
from issuer.registry.statistics import Statistics

MEDIA_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
OTHER: Final = "other"

_NO_GRANT = "none"
_KEY_LABELS = ("kid", "purpose", "alg", "state")


@dataclass(frozen=True, slots=True)
class Sample:
    """All that is told at one moment. now: epoch seconds.

    is_fresh: whether the database answered; the statistics are the last known ones otherwise.
    registry_age_seconds: of the process that answers.
    """

    statistics: Statistics
    is_fresh: bool
    registry_age_seconds: float
    now: int
    version: str


def render(sample: Sample) -> bytes:
    """Return the metrics as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Metrics(sample))
    return generate_latest(registry)


class _Metrics(Collector):
    """One sample as the library collects it."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample

    def collect(self) -> Iterable[Metric]:
        sample, statistics = self._sample, self._sample.statistics
        yield _gauge("issuer_build_info", "The version of this program.", 1, version=sample.version)
        yield _gauge("issuer_database_up", "Whether the database answered just now.", int(sample.is_fresh))
        yield _gauge(
            "issuer_registry_age_seconds",
            "How long ago the answering process last saw the registry.",
            sample.registry_age_seconds,
        )
        yield _issued(statistics)
        yield _refused(statistics)
        yield _durations(statistics)
        yield _counter(
            "issuer_refresh_reuse_detected",
            "Spent refresh tokens that came back, each of which ended its family.",
            statistics.incidents,
        )
        yield from _keys(statistics, sample.now)
        if statistics.ticked_at is not None:
            yield _gauge(
                "issuer_tick_last_success_timestamp_seconds",
                "When what has expired was last removed.",
                statistics.ticked_at,
            )


def _issued(statistics: Statistics) -> Metric:
    family = CounterMetricFamily(
        "issuer_tokens_issued",
        "Access tokens issued, one for several audiences counted for each.",
        labels=("grant_type", "audience"),
    )
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for total in statistics.totals:
        if total.outcome == ISSUED:
            sums[total.grant_type, statistics.names.get(total.audience_id, OTHER)] += total.count
    for labels, count in sorted(sums.items()):
        family.add_metric(labels, count)
    return family


def _refused(statistics: Statistics) -> Metric:
    family = CounterMetricFamily(
        "issuer_token_requests_refused",
        "Requests to the OAuth endpoints that were refused.",
        labels=("grant_type", "error"),
    )
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for total in statistics.totals:
        if total.outcome != ISSUED:
            sums[total.grant_type or _NO_GRANT, total.outcome] += total.count
    for labels, count in sorted(sums.items()):
        family.add_metric(labels, count)
    return family


def _durations(statistics: Statistics) -> Metric:
    bounds = (*BOUNDS_MICROSECONDS, LONGER)
    sums = [statistics.durations.get(bound, DurationSum()) for bound in bounds]
    counts = accumulate(each.count for each in sums)
    names = [*(str(bound / 1_000_000) for bound in BOUNDS_MICROSECONDS), "+Inf"]
    family = HistogramMetricFamily(
        "issuer_token_request_duration_seconds",
        "How long requests to the token endpoint took, refused ones too.",
    )
    family.add_metric(
        (), list(zip(names, counts, strict=True)), sum(each.sum_microseconds for each in sums) / 1_000_000
    )
    return family


def _keys(statistics: Statistics, now: int) -> Iterable[Metric]:
    # One that is over is told of no more: their number grows with the years, that of own keys with audiences.
    keys = [
        key for key in statistics.keys if key.audience_id is None and key.state(now) is not KeyState.REMOVED
    ]
    yield _of_keys(
        "issuer_signing_key_age_seconds",
        "How long ago a key was made.",
        keys,
        lambda key: now - key.created_at,
        now,
    )
    yield _of_keys(
        "issuer_signing_key_expiry_timestamp_seconds",
        "Until when a key that has a successor verifies.",
        keys,
        lambda key: key.verify_until,
        now,
    )


def _of_keys(
    name: str, says: str, keys: Iterable[StoredKey], value: Callable[[StoredKey], int | None], now: int
) -> Metric:
    family = GaugeMetricFamily(name, says, labels=_KEY_LABELS)
    for key in keys:
        found = value(key)
        if found is not None:
            family.add_metric((key.kid, key.purpose.value, key.alg, key.state(now).value), found)
    return family


def _counter(name: str, says: str, value: float) -> Metric:
    return CounterMetricFamily(name, says, value=value)


def _gauge(name: str, says: str, value: float, **labels: str) -> Metric:
    family = GaugeMetricFamily(name, says, labels=tuple(labels))
    family.add_metric(tuple(labels.values()), value)
    return family
