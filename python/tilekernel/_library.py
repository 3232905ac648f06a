"""libtk.so: loaded once; its errors; work in it that Ctrl-C can end."""

import threading

from . import _capi

_lock = threading.Lock()
_library = None


def get():
    """The library, loaded when first asked for."""
    global _library
    with _lock:
        if _library is None:
            _library = _capi.load()
        return _library


def check(status, error):
    """Raises `error` with the library's message where `status` is not 0."""
    if status:
        raise error(get().tkGetLastError().decode(errors="replace"))


class Work:
    """run(handle), of what `create` makes, `free` ends and `cancel` stops from another thread. Python acts on Ctrl-C in its main thread, and not while that is in C: there the work is
    done by a thread of its own, which owns all it uses (`keep` too), so that the main thread may leave at any point."""

    def __init__(self, create, free, cancel, run, keep):
        self._create, self._free, self._stop, self._run, self._keep = create, free, cancel, run, keep
        self._lock, self._handle, self._cancelled = threading.Lock(), None, False
        self._done, self._result, self._error = threading.Event(), None, None

    def finish(self):
        if threading.current_thread() is not threading.main_thread():
            return self._work()
        thread = threading.Thread(target=self._work_apart, name="tilekernel.launch")
        try:
            thread.start()
            self._done.wait()
        except BaseException:
            self._cancel()
            if thread.is_alive():  # A second Ctrl-C leaves without it.
                self._done.wait()
                thread.join()
            raise
        thread.join()
        if self._error:
            raise self._error
        return self._result

    def _work_apart(self):
        try:
            self._result = self._work()
        except BaseException as error:  # pylint: disable=broad-exception-caught
            self._error = error
        finally:
            self._done.set()

    def _work(self):
        handle = self._create()
        try:
            with self._lock:
                self._handle = handle
                if self._cancelled:
                    self._stop(handle)
            return self._run(handle)
        finally:
            with self._lock:
                self._handle = None
            self._free(handle)

    def _cancel(self):
        with self._lock:
            self._cancelled = True
            if self._handle:
                self._stop(self._handle)
