"""Tests that break things do so only in clusters that are made for it."""

from __future__ import annotations

import json

import pytest

from support import helm_release
from support.helm_release import CommandFailedError


@pytest.fixture
def kubeconfig(tmp_path, monkeypatch):
    path = tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setattr(helm_release, "KUBECONFIG", tmp_path / "none")
    return path


@pytest.mark.parametrize("context", ["production", "kind-other", "minikube", ""])
def test_another_context_is_refused(kubeconfig, context):
    kubeconfig.write_text(json.dumps({"current-context": context}))
    with pytest.raises(CommandFailedError, match="run make cluster, or make kind"):
        helm_release.kubeconfig()


def test_without_any_it_says_how_to_have_one(kubeconfig):
    with pytest.raises(CommandFailedError, match="no context is none of"):
        helm_release.kubeconfig()


def test_that_of_kind_is_taken(kubeconfig):
    kubeconfig.write_text(json.dumps({"current-context": "kind-hingecraft"}))
    assert helm_release.kubeconfig() == kubeconfig
