"""Without a collector, nothing of OpenTelemetry is loaded, and spans do nothing."""

from __future__ import annotations

import subprocess
import sys

from hingecraft.observability import traces
from hingecraft.observability.spans import Kind

ASKED = """
import sys
import hingecraft.sync.command, hingecraft.reconcile.command, hingecraft_api.command, hingecraft_operator.command
from hingecraft import process
from hingecraft.settings import LogSettings
process.start_observing(LogSettings(), "api")
print([name for name in sys.modules if name.startswith(("opentelemetry", "google.protobuf"))])
"""


def test_without_a_collector_the_library_is_not_even_imported():
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_without_a_collector_spans_and_notes_do_nothing():
    with traces.span("x", Kind.SERVER, origin={}, method="GET"):
        traces.note(status=200)
        traces.remember("evt_1")
        assert traces.headers() == {}
