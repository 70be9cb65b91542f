"""Every address of the product. The webhooks come first: they are asked most."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from channels_app.files import file_serve
from openlines_project import health

urlpatterns = [
    path("webhooks/", include("channels_app.webhooks.urls")),
    path("", include("channels_app.widget.urls")),
    path("", include("crm_app.public.urls")),
    path("", include("queue_app.inbox.urls")),
    path("files/<str:public_id>/", file_serve, name="file"),
    path("api/", include("openlines_project.api_urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("", RedirectView.as_view(url="/inbox/"), name="home"),
]
