"""What the card index tells the apps above it, inside the transaction of the fact.

`form_submitted`   submission, context (what the maker of the link put into it), now. A receiver
                   that raises is asked again later, so it may hear of one submission twice.
"""

from django.dispatch import Signal

form_submitted = Signal()
