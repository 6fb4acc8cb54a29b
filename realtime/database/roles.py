"""The database roles that this project knows of."""

# The API roles of a Supabase project, and the role our worker reads Realtime as.
API_ROLES = ("anon", "authenticated")


WORKER_ROLE = "livedesk_realtime"


# Marks a publication or role that we made, so that reversing the migrations removes only those.
OURS = "made by livedesk"
