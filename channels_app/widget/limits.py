"""How often a visitor and an address may ask."""

from openlines_project.lib.limits import Limit, wait_seconds

__all__ = ["ADDRESS_LIMITS", "VISITOR_LIMITS", "wait_seconds"]

# Per visitor: a person writes slower than this, a loop does not.
VISITOR_LIMITS = {
    "write": (Limit("write", 20, 10), Limit("write-long", 300, 3600)),
    "upload": (Limit("upload", 10, 60), Limit("upload-long", 60, 3600)),
    "signal": (Limit("signal", 60, 10),),
    # Eight tabs that ask every 1.5 s are 54.
    "read": (Limit("read", 150, 10),),
}
# Per address: an office behind one address has many visitors.
ADDRESS_LIMITS = {
    "write": (Limit("write", 60, 10),),
    "upload": (Limit("upload", 40, 60),),
    "signal": (Limit("signal", 300, 10),),
    "read": (Limit("read", 1000, 10),),
    "session": (Limit("session", 60, 60),),
    "config": (Limit("config", 300, 10),),
    # Wrong tokens: guessing them is hopeless, and is not helped.
    "guess": (Limit("guess", 30, 60),),
}
