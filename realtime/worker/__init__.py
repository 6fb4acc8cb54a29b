"""The worker: each committed change comes out once and complete, whichever path was first.

In: raw events from Realtime, rings of the doorbell, the clock. Out: typed events to handlers, numbered messages to the
web processes, a heartbeat.

- ``worker.py`` wires the parts. ``leadership.py``: one worker leads, the others stand by. ``preflight.py``: what the
  database must have before a worker starts.
- The two paths: ``pump.py`` (Realtime's) and ``sweep.py`` (the change log's, with its position and suspected gaps).
  Both go through ``intake.py``, which notices a lost position and drops duplicates, and leave by ``outlet.py``.
- ``event_dispatcher.py`` parses events and calls handlers; ``repository.py`` turns records into entities;
  ``streams.py`` offers the events as async iterators; ``publisher.py`` sends the messages.
- ``log_readers.py`` gives the log to apps that must do something exactly once for each change.
- ``unusable.py`` keeps what couldn't be read, for whoever looks into it.
- ``jobs.py`` does what people have asked for and no request waits for, portion by portion.
- ``guard.py`` keeps asking whether every change reaches the log, ``probing.py`` writes the probe for the channel
  manager, ``retention.py`` prunes the log, ``heartbeat.py`` reports the state of all of this.
"""
