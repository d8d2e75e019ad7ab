"""What all tests rest on: Ctrl-C interrupts a process that a test starts, even where its shell ignores it; no summary of a CI step."""

from __future__ import annotations

import os
import signal

# A command that a script sends to the background ignores SIGINT, and so does whatever it starts: tests of interruption would wait in vain.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Runs that tests make are no news for the page of the CI job that tests them.
os.environ.pop("GITHUB_STEP_SUMMARY", None)
