import json
import subprocess
import sys

import jax

from dsl.records import provenance


def test_the_environment_is_plain_data_with_what_can_differ(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS_FOR_THIS_TEST", "--x")
    found = json.loads(json.dumps(provenance.describe_environment(["run.py", "a.gin"])))
    assert found["command"] == ["run.py", "a.gin"]
    assert found["python"] == sys.version.split()[0]
    assert found["versions"]["jax"] == jax.__version__
    assert found["versions"]["gin-config"] == "0.5.0"
    assert found["device"]["count"] == jax.device_count()
    assert found["variables"]["XLA_FLAGS_FOR_THIS_TEST"] == "--x"
    assert found["started"].endswith("+00:00")


def test_a_checkout_has_a_revision_and_knows_of_changes(tmp_path, monkeypatch):
    def git(*arguments):
        names = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        subprocess.run(["git", "-C", str(tmp_path), *names, *arguments], check=True)

    monkeypatch.setattr(provenance, "_SOURCE", tmp_path)
    assert provenance.describe_environment([])["source"] is None
    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "one")
    clean = provenance.describe_environment([])["source"]
    assert len(clean["revision"]) == 40
    assert clean["dirty"] is False
    (tmp_path / "a").write_text("2")
    assert provenance.describe_environment([])["source"] == {**clean, "dirty": True}


def test_somebody_elses_checkout_around_us_does_not_count(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    inner = tmp_path / "site-packages"
    inner.mkdir()
    monkeypatch.setattr(provenance, "_SOURCE", inner)
    assert provenance.describe_environment([])["source"] is None
