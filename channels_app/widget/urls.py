from django.urls import path

from channels_app.widget import views

app_name = "widget"
urlpatterns = [
    path("widget/<str:public_id>.js", views.script, name="script"),
    path("widget/<str:public_id>/config", views.config, name="config"),
    path("widget/<str:public_id>/session", views.session, name="session"),
    path("widget/<str:public_id>/messages", views.messages, name="messages"),
    path("widget/<str:public_id>/files", views.files, name="files"),
    path("widget/<str:public_id>/seen", views.seen, name="seen"),
    path("widget/<str:public_id>/typing", views.typing, name="typing"),
    path("chat/<str:public_id>/", views.chat_page, name="chat"),
]
