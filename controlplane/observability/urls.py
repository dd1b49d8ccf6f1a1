"""For monitoring, not for people."""

from django.urls import path

from controlplane.observability.views import metrics, readyz

urlpatterns = [path("metrics", metrics), path("readyz", readyz)]
