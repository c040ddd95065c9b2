"""`make cluster` where it cannot be had, and what it finds of itself afterwards."""

from __future__ import annotations

import os
import shutil

import pytest

from support.kubernetes_node import machine, traces
from support.kubernetes_node.machine import MachineError


def test_without_root_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MachineError, match="needs root: run it with sudo, or use make kind"):
        machine.check()


def test_without_packages_it_names_them(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(machine, "_link", lambda: tmp_path / "nothing")
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    with pytest.raises(MachineError, match=r"not run: the Debian packages buildah, conntrack, .* are missing"):
        machine.check()


def test_the_cluster_of_another_checkout_is_let_be(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(machine, "missing", list)
    monkeypatch.setattr(machine, "FOLDER", tmp_path)
    monkeypatch.setattr(machine, "_link", lambda: tmp_path)
    with pytest.raises(MachineError, match="a cluster of another checkout is up"):
        machine.check()


def test_what_is_left_is_named(monkeypatch):
    before = {"links": ["lo"], "settings": ["kernel/panic=0"], "cgroups": ["memory/kubepods"]}
    now = {"links": ["cni0", "lo"], "settings": ["kernel/panic=10"], "cgroups": []}
    monkeypatch.setattr(traces, "traces", lambda: now)
    assert traces.left(before) == ["links: cni0", "settings: kernel/panic=10"]


def test_everything_that_there_is_is_looked_at():
    found = traces.traces()
    assert set(found) == {"links", "iptables", "ipsets", "nft", "mounts", "cgroups", "settings", "folders"}
    assert "lo" in found["links"]
    assert "/proc" in found["mounts"]
    assert traces.left(found) == []
