"""NOWPayments signs JSON as JavaScript writes it: thousands of bodies are compared with JavaScript's own output."""

from __future__ import annotations

import json
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hingecraft.providers.nowpayments.canonical import canonical, parse
from hingecraft_sandbox.dev import wix_site

# Reads one JSON text a line; answers the text as JSON.stringify made it, and the same with its keys sorted.
NODE = """
const sorted = (value) => {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
};
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const value = JSON.parse(line);
  console.log(JSON.stringify([JSON.stringify(value), JSON.stringify(sorted(value))]));
});
"""
NUMBERS = st.one_of(
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.00005, 1e-7, 1e21, 123456789012345680000, -0.0, 5e-324, 0.1, 100.0]),
)
TEXT = st.text(st.characters(codec=None), max_size=8)
NAMES = st.one_of(TEXT, st.integers(0, 2**33).map(str), st.sampled_from(["01", "-1", "1.5", "\uffff", "\U0001f600"]))
BODIES = st.dictionaries(
    NAMES.filter(lambda name: name != "__proto__"),
    st.recursive(
        st.one_of(st.none(), st.booleans(), NUMBERS, TEXT),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(NAMES.filter(lambda name: name != "__proto__"), inner, max_size=4),
        ),
        max_leaves=12,
    ),
    max_size=6,
)


@pytest.fixture(scope="module")
def node():
    with subprocess.Popen(
        [str(wix_site.node()), "-e", NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.stdin.close()


def asked(node, value) -> tuple[str, str]:
    node.stdin.write(json.dumps(value) + "\n")
    node.stdin.flush()
    return tuple(json.loads(node.stdout.readline()))


@settings(max_examples=3000, suppress_health_check=list(HealthCheck))
@given(BODIES)
def test_sorted_as_javascript_sorts_and_writes(node, body):
    written, wanted = asked(node, body)
    assert canonical(parse(written.encode("utf-8", "surrogatepass"))) == wanted


@pytest.mark.parametrize(
    "body", [b"", b"{", b"NaN", b'{"a": Infinity}', b"\xff", b"[" * 100_000, b'{"a":' * 70 + b"1" + b"}" * 70]
)
def test_invalid_json_is_rejected(body):
    with pytest.raises(ValueError, match=r"."):
        canonical(parse(body))
