"""Keeps the parsing libraries loaded and forks a confined child for each document.

Started by `host` as `python -m apps.ingestion.parsers.zygote FD`. The socket at FD brings orders, each with two file
descriptors: a channel to the host and the file for the result. It ends, and its children with it, when the host does.
"""

import contextlib
import ctypes
import gc
import os
import selectors
import signal
import socket
import sys
from dataclasses import dataclass
from types import FrameType

from apps.ingestion.parsers import PRELOADED, child, parser_of, warming, wire

_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000  # linux/sched.h


@dataclass(frozen=True, slots=True)
class _Running:
    pid: int
    channel: socket.socket


class Zygote:
    """Takes orders, forks, kills and buries. Single-threaded, so that forking is safe."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, _Running] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()
        for end in (self._woken, self._wake):
            end.settimeout(0)

    def serve(self) -> None:
        """Work until the host closes the control socket."""
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noop)
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while True:
            for key, _events in self._selector.select():
                if key.fileobj is self._control:
                    if not self._take_order():
                        return
                elif key.fileobj is self._woken:
                    self._bury()
                else:
                    self._kill(key.data)

    def _take_order(self) -> bool:
        """Fork a child for the next order; return False when the host has gone."""
        data, files, _flags, _address = socket.recv_fds(self._control, wire.MESSAGE_BYTES, 2)
        if not data:
            return False
        channel, result = socket.socket(fileno=files[0]), files[1]
        if data == wire.LONG_ORDER:
            data = os.pread(result, os.fstat(result).st_size, 0)
            os.ftruncate(result, 0)
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be_child(data, channel, result, zygote)
        os.close(result)
        self._running[pid] = _Running(pid, channel)
        self._selector.register(channel, selectors.EVENT_READ, pid)
        return True

    def _be_child(self, order: bytes, channel: socket.socket, result: int, zygote: int) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            for other in (
                self._control,
                self._woken,
                self._wake,
                *(running.channel for running in self._running.values()),
            ):
                other.close()
            child.run(wire.decode_task(order), channel, result, zygote)
            code = 0
        finally:
            os._exit(code)

    def _kill(self, pid: int) -> None:
        """End a child's whole group: its host asked for it, or closed the channel. Its pid is ours until buried."""
        running = self._running[pid]
        self._selector.unregister(running.channel)
        for kill in (os.killpg, os.kill):  # the group may not exist yet
            with contextlib.suppress(ProcessLookupError):
                kill(pid, signal.SIGKILL)

    def _bury(self) -> None:
        """Reap every dead child and tell its host how it ended."""
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4_096)
        while self._running:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            running = self._running.pop(pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)  # whatever the parser may have started
            with contextlib.suppress(KeyError):
                self._selector.unregister(running.channel)
            ending = wire.Ending(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1_024)
            with contextlib.suppress(OSError):  # the host no longer listens
                running.channel.send(wire.encode_ending(ending), socket.MSG_DONTWAIT)
            running.channel.close()


def _noop(_signal: int, _frame: FrameType | None) -> None:
    """Wake the selector; the work is done there."""


def cut_network() -> None:
    """Leave the network, where the kernel lets us: no parser has any business there."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0 and os.geteuid() != 0:  # root would lose its right to read others' files
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def main() -> None:
    """Load the parsers, then serve."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the host's business; it closes the socket
    cut_network()
    for kind in PRELOADED:
        parser_of(kind)
    warming.warm_up()
    gc.collect()
    gc.freeze()  # so that the children's collections do not touch, and thus copy, the shared pages
    Zygote(control).serve()


if __name__ == "__main__":
    main()
