"""Notices over the API."""

from controlplane.api.filters import Absent, Equal, Filters
from controlplane.api.views import NewestFirst, Row
from controlplane.notices.models import Notice


class NoticeFilter(Filters):
    """`open=true` is what is wrong now."""

    kind = Equal("kind")
    about = Equal("about")
    open = Absent("closed_at", "whether it is still so")


class NoticeRow(Row[Notice]):
    """What is wrong, or was; `closed_at` is null while it is."""

    class Meta:
        model = Notice
        fields = ("id", "kind", "about", "text", "opened_at", "closed_at")


class Notices(NewestFirst[Notice]):
    """What is or was wrong with Drawbridge itself, the newest first"""

    queryset = Notice.objects.all()
    serializer_class = NoticeRow
    filterset_class = NoticeFilter
