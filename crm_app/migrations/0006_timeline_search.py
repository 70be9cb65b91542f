"""The index of the history's full-text search. SQLite has none and searches with LIKE.

The expression is that of `crm_app.timeline_search.Matches`, word for word: another one would not
use the index.
"""

from django.db import migrations


def index_make(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX timeline_search ON crm_app_timelineentry"
            " USING gin (to_tsvector('simple', search_text))"
        )


def index_drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS timeline_search")


class Migration(migrations.Migration):

    dependencies = [("crm_app", "0005_lead_lists")]

    operations = [migrations.RunPython(index_make, index_drop)]
