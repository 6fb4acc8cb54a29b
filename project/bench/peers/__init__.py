"""Other servers that send one message to many sockets, as simply as each can: what the figures are compared with.

``peers.py`` beside this package starts them. Each hears of messages in its own usual way: through Redis, or by HTTP.
"""
