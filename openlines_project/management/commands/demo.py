"""`manage.py demo`: a line, three operators and a live-chat page to try things on."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from openlines_project.demo import ForeignLineError, demo_make


class Command(BaseCommand):
    """Make the demonstration and print the sign-ins, once."""

    help = "Adds a demonstration line with operators, a live-chat page and a little traffic."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--address",
            default=settings.PUBLIC_URL or "http://127.0.0.1:8000",
            help="where the pages are served, for the printed addresses",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        self.stdout.write("Making the demonstration ...")
        try:
            demo = demo_make(now=timezone.now())
        except ForeignLineError as error:
            raise CommandError(
                "This database has an open channel of its own. The demonstration would mix with"
                " it: start it on an empty one, with OPENLINES_VAR naming another folder."
            ) from error
        if demo.passwords:
            self.stdout.write("Sign-ins (shown only once):")
            for name, password in demo.passwords.items():
                self.stdout.write(f"    {name:<8} {password}")
        else:
            self.stdout.write("The demonstration is there already; its sign-ins were shown once.")
        base = str(options["address"]).rstrip("/")
        pages = (
            (f"{base}/inbox/", "as ana or bruno: answer the customers"),
            (f"{base}/chat/{demo.connector.public_id}/", "write as a customer"),
            (f"{base}/admin/", "as admin: set up the open channel"),
        )
        self.stdout.write("Click here:")
        width = max(len(address) for address, _ in pages)
        for address, purpose in pages:
            self.stdout.write(f"    {address:<{width}}  {purpose}")
