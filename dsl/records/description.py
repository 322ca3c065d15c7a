"""Describes an experiment that was read from a file, for its run folder."""

import json
import sys
from pathlib import Path
from typing import Any

from dsl.language.configuration import Configuration
from dsl.records.durable_files import read_if_present
from dsl.records.kept_trial import TRIAL
from dsl.records.own_words import collect_words
from dsl.records.provenance import describe_environment
from dsl.records.run_folder import EXPERIMENT


def describe(configuration: Configuration, name: str) -> dict[str, Any]:
    """Return the arguments of `RunFolder.describe`, and the sources of own words as `words`."""
    return {
        **describe_experiment(configuration, name),
        "environment": describe_environment(sys.argv),
    }


def describe_file(configuration: Configuration, file: Path) -> dict[str, Any]:
    """Do the same as `describe` for a file; that of a sweep's trial tells what it was made from."""
    return {**describe(configuration, name_of(file)), **_as_written(file)}


def describe_experiment(configuration: Configuration, name: str) -> dict[str, Any]:
    """Do the same as `describe`, without the environment."""
    return {
        "name": name,
        "config": configuration.source_text(),
        "operative": configuration.operative_text(),
        "macros": configuration.macros(),
        "hyperparameters": configuration.hyperparameters(),
        "words": collect_words(statement.module for statement in configuration.imports),
    }


def name_of(file: Path) -> str:
    """Return a run's name: that of its file, or of the run whose `operative.gin` it is.

    Raises:
        UnreadableError: the description of that run cannot be read now.
    """
    text = read_if_present(file.parent / EXPERIMENT)
    try:
        return file.stem if text is None else str(json.loads(text)["name"])
    except (ValueError, KeyError, TypeError):
        return file.stem


def _as_written(file: Path) -> dict[str, Any]:
    text = read_if_present(file.parent / TRIAL)
    return {} if text is None else json.loads(text)["description"]
