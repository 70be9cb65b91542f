"""What the card index tells the apps above it, inside the transaction of the fact.

`form_submitted`   submission, context (what the maker of the link put into it), now. A receiver
                   that raises is asked again later, so it may hear of one submission twice. It is
                   sent before the CRM locks anything: conversations and sessions come first.
`form_filed`       submission, context, now: right after it, in the same transaction; its contact
                   and lead are known now (None where a name was all there was)
`contact_points_added` contact, points, now
`contacts_changing` contact_ids, now: two cards are about to be merged, or one split or erased.
                   Nothing is locked yet: who has rows that come before contacts locks them now
`contacts_merged`  winner, loser, now: whatever refers to the loser moves to the winner; reply
                   addresses stay with their conversations
`contact_was_split` contact, new_contact, points, now: conversations with these identities belong
                   to the new contact
`contact_erased`   contact, identities (the points of messengers, which nobody can read later),
                   now: whatever else is kept of the person goes
"""

from django.dispatch import Signal

form_submitted = Signal()
form_filed = Signal()
contacts_changing = Signal()
contact_points_added = Signal()
contacts_merged = Signal()
contact_was_split = Signal()
contact_erased = Signal()
