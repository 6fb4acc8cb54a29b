"""An eighth table, made by following docs/REALTIME_IMPLEMENTATION_GUIDE.md and nothing else."""
