"""One per web process: from the workers' messages to frames on sockets.

In: numbered messages, heartbeats, what browsers say. Out: frames.

- ``hub.py``: sockets, views, and what the workers say. ``layer_listener.py``: hears the channel layer.
  ``gaps.py``: notices holes in the numbers of its messages.
- ``reach.py``: finds the views that a change concerns.
- ``view_reader.py``: rereads views, and sets slow ones aside so that the others needn't wait. ``live_view.py``: one
  view's state.
- ``consumer.py``: the WebSocket. ``wire.py``: every message on it. ``frame.py``: a message, encoded once for all.
  ``live_socket.py``: one browser's buffer. ``shared_frames.py``: has uvicorn take frames as they are.
  ``origin.py``: which pages may connect.
- ``admission.py``: who is let in, and which socket has to go; ``arrivals.py`` and ``rights.py`` read what it decides
  on.
- ``presence.py``: who is at which record, and which sockets are told.
- ``freshness.py``: tells every socket how fresh its page is.
"""
