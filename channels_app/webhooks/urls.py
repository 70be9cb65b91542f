from django.urls import path

from channels_app.webhooks import views

urlpatterns = [
    path("<str:public_id>/", views.webhook, name="webhook"),
]
