"""What the desk tells the apps above it, inside the transaction of the fact.

`session_closed`   session, now
"""

from django.dispatch import Signal

session_closed = Signal()
