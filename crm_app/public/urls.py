from django.urls import path

from crm_app.public import views

app_name = "forms"
urlpatterns = [
    path("forms/<str:token>/", views.form_page, name="form"),
]
