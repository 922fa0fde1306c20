"""The warm engine: a kernel forked from a process that has already imported everything a notebook needs.

It is an ordinary ipykernel with a process of its own, so time limits, interrupts and isolation are those
of the plain engine, and so are the outputs, byte for byte; only the imports are not paid again. The
kernel is forked as the very first act of a report's process, before any thread or socket exists in
it, and waits on a pipe until it is told its connection file.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import random
import signal
import sys
import uuid
from dataclasses import dataclass, field
from typing import Any, NoReturn

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from opsbook.runs import grammar_stub
from opsbook.runs.engine import InterpreterKernel

_PR_SET_PDEATHSIG = 1
_INLINE = "module://matplotlib_inline.backend_inline"


@dataclass
class ForkedProcess:
    """A forked kernel with the methods of a Popen object that a provisioner uses."""

    pid: int
    pipe: int
    returncode: int | None = None
    stdin: None = field(default=None, init=False)
    stdout: None = field(default=None, init=False)
    stderr: None = field(default=None, init=False)

    def begin(self, order: dict[str, Any]) -> None:
        """Tell the waiting process to become the kernel of this command, environment and folder."""
        with os.fdopen(self.pipe, "w") as pipe:
            json.dump(order, pipe)

    def poll(self) -> int | None:
        """The exit code, None while it lives."""
        return self._reap(os.WNOHANG)

    def wait(self) -> int | None:
        """The exit code, when it has ended."""
        return self._reap(0)

    def send_signal(self, number: int) -> None:
        """Send a signal to the process."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def _reap(self, how: int) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, how)
            except ChildProcessError:
                self.returncode = -signal.SIGKILL
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


class _Provisioner(LocalProvisioner):
    """Hands the launch command to the waiting process instead of starting another one."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        manager: Any = self.parent
        waiting: Any = manager.waiting
        self.process, self.pid, self.pgid = waiting, waiting.pid, waiting.pid
        self.cwd = kwargs.get("cwd") or os.getcwd()
        waiting.begin({"command": cmd, "environment": dict(kwargs["env"]), "folder": str(self.cwd)})
        return self.connection_info


class _ForkedKernel(InterpreterKernel):
    """A kernel manager whose kernel was forked beforehand."""

    waiting: ForkedProcess

    async def _async_pre_start_kernel(self, **kwargs: Any) -> Any:
        self.kernel_id = self.kernel_id or str(uuid.uuid4())
        if self.provisioner is None:
            self.provisioner = _Provisioner(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
        return await super()._async_pre_start_kernel(**kwargs)


def waiting_kernel() -> type[InterpreterKernel] | None:
    """Fork a kernel that waits; the manager class that uses it, or None where a fork would not be safe."""
    preload = sys.modules.get("opsbook.runs.preload")
    if preload is None or not preload.FORKABLE or preload.threads() != 1:
        return None
    reading, writing = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(writing)
            _wait_and_become_kernel(reading, parent)
        finally:
            os._exit(1)
    os.close(reading)
    return type("ForkedKernel", (_ForkedKernel,), {"waiting": ForkedProcess(pid, writing)})


def _wait_and_become_kernel(pipe: int, parent: int) -> NoReturn:
    """Never return to the code of the report; end at once if the report's process ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    _close_all_but(pipe)
    with os.fdopen(pipe) as order_pipe:
        told = order_pipe.read()
    if not told:
        os._exit(0)
    _become_kernel(json.loads(told), parent)


def _become_kernel(order: dict[str, Any], parent: int) -> NoReturn:
    os.setsid()
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
    _forget_origin(order["command"])
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance(parent_handle=parent)
    app.initialize(order["command"][order["command"].index("-f") :])
    _attach_figures()
    app.start()
    os._exit(0)


def _forget_origin(command: list[str]) -> None:
    """Random numbers, module names and paths as in a process that was started alone."""
    import numpy

    random.seed()
    numpy.random.seed()
    grammar_stub.remove()
    sys.modules.pop("__mp_main__", None)
    launcher = importlib.util.find_spec("ipykernel_launcher")
    sys.argv = [str(launcher and launcher.origin), *command[command.index("-f") :]]
    scripts = os.path.dirname(sys.executable)
    sys.path[:] = [entry for entry in sys.path if entry not in ("", scripts)]


def _attach_figures() -> None:
    """Show pyplot's figures: the inline backend attaches itself on import, which came before there was a shell."""
    import matplotlib
    from matplotlib_inline import backend_inline

    matplotlib.rcParams["backend"] = _INLINE
    backend_inline._enable_matplotlib_integration()


def _close_all_but(kept: int) -> None:
    """Give back what the report's process holds, above all the pipe through which it says that it has ended."""
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
