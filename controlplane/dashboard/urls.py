"""Pages of the dashboard."""

from django.urls import path, re_path

from controlplane.dashboard import live, matrix, views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("find/", views.found, name="find"),
    path("live/", live.live, name="live"),
    path("parts/live/", live.live_rows, name="live-rows"),
    path("matrix/", matrix.servers, name="matrices"),
    path("matrix/<str:server_id>/", matrix.matrix, name="matrix"),
    path("parts/freshness/", views.freshness, name="freshness"),
    re_path(r"^parts/changes/(?P<change_ids>[0-9]{1,18}(?:-[0-9]{1,18}){0,49})/$", views.published, name="published"),
]
