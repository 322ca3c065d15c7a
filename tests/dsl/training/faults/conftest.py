"""The experiment whose runs go wrong."""

import pytest
from toy_runs import write_experiment


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_experiment(tmp_path_factory.mktemp("toy"))
