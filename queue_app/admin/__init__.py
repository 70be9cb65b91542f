"""The administration of the desk: who answers, what is open, which deadlines run."""

from queue_app.admin import access, jobs, operators, sessions, timers

__all__ = ["access", "jobs", "operators", "sessions", "timers"]
