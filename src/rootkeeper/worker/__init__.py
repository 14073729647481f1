"""The work that a server or worker does by itself: jobs, schedules and loops."""
