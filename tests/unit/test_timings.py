"""Our histogram shows Prometheus what its own would show."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as open_metrics

from hingecraft.observability.timings import Timings

BUCKETS = (0.001, 0.25, 1.0, 10.0)
CALLS = st.tuples(st.sampled_from(["GET", "HEAD"]), st.sampled_from(["200", "304"]))
SECONDS = st.sampled_from(BUCKETS) | st.floats(0, 20)


@given(st.lists(st.tuples(CALLS, SECONDS)))
def test_it_is_written_as_the_librarys_histogram(observed):
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    timings = Timings("t_seconds", "time to answer", ["method", "status"], buckets=BUCKETS, registry=ours)
    histogram = Histogram("t_seconds", "time to answer", ["method", "status"], buckets=BUCKETS, registry=theirs)
    for labels, seconds in observed:
        timings.labels(*labels).observe(seconds)
        histogram.labels(*labels).observe(seconds)
    for written in (generate_latest, open_metrics):
        assert _without_times(written(ours)) == _without_times(written(theirs))


def _without_times(text: bytes) -> str:
    return re.sub(r"(_created\{.*\}) [\d.e+]+", r"\1 ...", text.decode())
