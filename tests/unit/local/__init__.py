"""The pure parts of realtime/local."""
