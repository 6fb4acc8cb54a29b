"""What stands in for Supabase on one machine: keys, a provisioned database and a Realtime server."""
