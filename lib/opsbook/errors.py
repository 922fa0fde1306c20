"""Errors written for the operator: what was asked, what was found, what to do, which file."""

from __future__ import annotations

from pathlib import Path

GOOD, FAILED, USAGE, REFUSED, UNSETTLED, LOCKED = 0, 1, 2, 3, 4, 75


class OperatorError(Exception):
    """Something the person who runs the workbook can mend; carries the exit code of the command line."""

    exit_code = FAILED

    def __init__(self, problem: str, *, found: str = "", fix: str = "", where: str | Path = "") -> None:
        self.problem, self.found, self.fix, self.where = problem, found, fix, str(where)
        super().__init__(self.__str__())

    def __str__(self) -> str:
        parts = {"found": self.found, "fix": self.fix, "file": self.where}
        return "\n".join([self.problem, *(f"  {name}: {text}" for name, text in parts.items() if text)])

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way back from a worker process, where keyword arguments are lost by default."""
        return _rebuild, (type(self), self.problem, self.found, self.fix, self.where)


class ParameterError(OperatorError):
    """A parameter or a command line that cannot be meant; raised before any kernel starts."""

    exit_code = USAGE


class DataRefused(OperatorError):
    """The data break a law of the contract that no rule may repair."""

    exit_code = REFUSED


class NotSettled(OperatorError):
    """The data do not yet reach the end of the period plus the settling days; try again later."""

    exit_code = UNSETTLED


class Locked(OperatorError):
    """Another process is writing the same report."""

    exit_code = LOCKED


def _rebuild(kind: type[OperatorError], problem: str, found: str, fix: str, where: str) -> OperatorError:
    return kind(problem, found=found, fix=fix, where=where)
