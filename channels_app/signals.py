"""What channels_app tells the apps above it: past tense, sent inside the transaction of the fact.

`message_received`   conversation, message, mode ("route", or "park" after a fault: store the
                     message with a waiting session and route later), now
`postback_received`  conversation, payload, event, now
`message_changed`    conversation, message, change ("edit", "delete", "reaction"), now
`message_echoed`     conversation, message, now: somebody answered in the platform's own app
`reachability_changed` conversation, reachable, now
`delivery_changed`   conversation, message, arrived, now: `arrived` with the first news that the
                     platform has the message; a receipt after it only moves it on
`connector_changed`  connector, fields
`open_channel_changed` open_channel, fields (names of the changed columns and lists; "created"), now
`open_channel_cloned` open_channel (the copy), source, now: after its `open_channel_changed`
"""

from django.dispatch import Signal

message_received = Signal()
postback_received = Signal()
message_changed = Signal()
message_echoed = Signal()
reachability_changed = Signal()
delivery_changed = Signal()
connector_changed = Signal()
open_channel_changed = Signal()
open_channel_cloned = Signal()
