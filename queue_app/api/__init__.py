"""The REST API of the desk: conversations, sessions, operators, queues."""
