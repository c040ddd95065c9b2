"""When a load run is good, when it is not, and when it says nothing. In a process of its own: Locust changes Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LOADTESTS = Path(__file__).parents[2] / "loadtests"
JUDGE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from types import SimpleNamespace
import locustfile
from locust.stats import RequestStats
how = json.loads(sys.argv[2])
stats = RequestStats()
for number in range(how["requests"]):
    stats.log_request("GET", "/routes", how["ms"], 100)
    stats.log_request("GET", "/health", 2, 100)
if how["failed"]:
    stats.log_error("GET", "/routes", "503")
runner = SimpleNamespace(cpu_warning_emitted=how["busy"])
environment = SimpleNamespace(stats=stats, runner=runner, process_exit_code=None)
locustfile.judge(environment)
print(environment.process_exit_code)
"""


def judged(**how):
    usual = {"requests": 600, "ms": 10, "failed": False, "busy": False}
    done = subprocess.run(
        [sys.executable, "-c", JUDGE, str(LOADTESTS), json.dumps({**usual, **how})],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    *said, code = done.stdout.splitlines()
    return int(code), " ".join(said)


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ({}, 0, "p99 10 ms, 5.00 of /health"),
        ({"ms": 60}, 1, "not met: /routes p99 is 60 ms, above 50"),
        ({"failed": True}, 1, "not met: 1 of 1200 requests failed"),
        ({"requests": 10}, 1, "only 20 requests were made"),
        ({"busy": True, "ms": 60}, 3, "void: the load generator was the limit"),
    ],
)
def test_a_run_is_judged(how, code, words):
    found, said = judged(**how)
    assert found == code
    assert words in said
