"""What all tests rest on: Ctrl-C interrupts a process that a test starts, even where the shell that started the tests ignores it."""

from __future__ import annotations

import signal

# A command that a script sends to the background ignores SIGINT, and so does whatever it starts: tests of interruption would wait in vain.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
