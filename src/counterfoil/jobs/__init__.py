"""The worker, its timetable, and what it does by itself."""
