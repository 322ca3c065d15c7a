"""Define what all commands share: their form, their common arguments and their exit codes."""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from dsl.cli.output import ReaderLeftError, dropping_streams, require_printed
from dsl.errors import (
    EXIT_BROKEN_PIPE,
    EXIT_INTERRUPTED,
    EXIT_REQUEUE,
    EXIT_USAGE,
    RecordError,
    UsageError,
)

if TYPE_CHECKING:
    from dsl.language.configuration import Configuration


class Command(NamedTuple):
    """One command: `kilolayer NAME ...`, or `python -m dsl.NAME ...`.

    Attributes:
        name: one word.
        summary: one line of help.
        add_arguments: declares the command's arguments.
        execute: carries out the parsed arguments and returns the exit code.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    execute: Callable[[argparse.Namespace], int]

    def configure_parser(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments, `--debug` among them, and remember what to execute."""
        self.add_arguments(parser)
        parser.add_argument("--debug", action="store_true", help="show a traceback with an error")
        parser.set_defaults(execute=self.execute)


def run_command(command: Command, arguments: Sequence[str] | None = None) -> int:
    """Execute a command called as `python -m dsl.NAME` and return its exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m dsl.{command.name}", description=command.summary
    )
    command.configure_parser(parser)
    return parse_and_execute(parser, arguments)


def parse_and_execute(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> int:
    """Parse arguments, execute the command that they name and return its exit code.

    Raises:
        SystemExit: the arguments are wrong, or ask for help.
    """
    with dropping_streams(), _requeueing_from_the_start():
        try:
            options = parser.parse_args(arguments)
        except SystemExit:
            if code := exit_code(require_printed):
                sys.exit(code)
            raise
        return exit_code(lambda: options.execute(options), debug=options.debug)


@contextlib.contextmanager
def _requeueing_from_the_start() -> Iterator[None]:
    """End with the code that asks a cluster to requeue, before a run handles signals itself.

    Until then, while Python imports, nothing is there to be saved. What the other signals do by
    default has the documented codes already.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        os._exit(EXIT_REQUEUE)

    with contextlib.ExitStack() as undo:
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            if signal.getsignal(number) is signal.SIG_DFL:
                undo.callback(signal.signal, number, signal.signal(number, end))
        yield


def exit_code(action: Callable[[], int | None], *, debug: bool = False) -> int:
    """Run `action` and print an error that the user can fix as one line.

    Args:
        action: returns the exit code.
        debug: raise errors with their tracebacks instead.
    """
    try:
        return action() or 0
    except (UsageError, RecordError) as error:
        if debug:
            raise
        print_to_stderr(str(error))
        return EXIT_USAGE
    except KeyboardInterrupt:
        print_to_stderr("interrupted.")
        return EXIT_INTERRUPTED
    except ReaderLeftError:
        return EXIT_BROKEN_PIPE


def configure_jax(*, every_core: bool = True) -> None:
    """Start JAX, and keep the programs that it compiles on disk; call it before anything else.

    Args:
        every_core: whether to make each CPU core a device.

    Raises:
        UsageError: JAX cannot start under the settings of the environment.
    """
    # The heavy imports wait until the arguments have been parsed.
    from dsl.training.jax_settings import require_device, require_usable_settings

    require_usable_settings()
    from dsl.training.compilation_cache import enable_compilation_cache
    from dsl.training.cpu_devices import use_every_core

    enable_compilation_cache(print_to_stderr)
    if every_core:
        use_every_core()
    require_device()


def configure_jax_for_text() -> None:
    """Start JAX for a command that only reads and writes text, which needs no accelerator.

    Raises:
        UsageError: JAX cannot start under the settings of the environment.
    """
    from dsl.training.jax_settings import require_usable_settings, use_cpu_alone

    require_usable_settings()
    use_cpu_alone()


def load_experiment(file: Path, overrides: Iterable[str]) -> "Configuration":
    """Load a gin file and print a notice for each setting that has an old name.

    Raises:
        ConfigError: the file describes no valid experiment.
        UsageError: a module that it imports has changed a setting of JAX that must stay as it is.
    """
    from dsl.language.configuration import load

    configuration = load(file, overrides)
    if configuration.imports:
        from dsl.training.jax_settings import require_usable_settings

        require_usable_settings()  # modules of the user's own may have changed them
    for notice in configuration.notices:
        print_to_stderr(notice)
    return configuration


def print_to_stderr(line: str) -> None:
    """Print a line that is not part of a command's output."""
    print(line, file=sys.stderr)


def add_overrides(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Add `--set NAME=VALUE ...`, which may come several times, as the list `set`."""
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help=meaning
    )


def experiment_file(name: str) -> Path:
    """Parse an argument that names a gin file: one that exists, or one shipped with the package."""
    from dsl.language.sources import find_experiment

    return find_experiment(Path(name))


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add `--force`, which skips the memory check."""
    parser.add_argument(
        "--force", action="store_true", help="run even if it seems to need too much memory"
    )


def add_accept_changes(parser: argparse.ArgumentParser) -> None:
    """Add `--accept-changes`, without which a run never continues under changed own words."""
    parser.add_argument(
        "--accept-changes",
        action="store_true",
        help="resume under own words that have changed; the run's folder records it",
    )


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add `--trust`, without which reading a run executes none of its code."""
    parser.add_argument(
        "--trust", action="store_true", help="execute the Python modules that a run imports"
    )


def positive_int(text: str) -> int:
    """Parse an argument that counts something."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def folder_path(name: str) -> Path:
    """Parse an argument that names a folder."""
    if not name:  # an unset shell variable, not the working directory
        raise argparse.ArgumentTypeError("the name is empty.")
    return Path(name)
