from django.urls import path

from channels_app.webhooks import views

# A slug: what no connector can be called never reaches the database.
urlpatterns = [
    path("<slug:public_id>/", views.webhook, name="webhook"),
]
