"""Filters of lists: each names a column of ours, compared for equality; nothing of the query becomes a lookup."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field

if TYPE_CHECKING:  # django-filter has no types
    from rest_framework.filters import BaseFilterBackend

    class CharFilter:
        field_name: str

        def __init__(self, **options: Any) -> None: ...

    class ChoiceFilter(CharFilter):
        pass

    class Filters:
        base_filters: ClassVar[dict[str, CharFilter]]
        form: forms.Form
        errors: Any

        def __init__(self, data: Any = None, queryset: Any = None) -> None: ...

        def is_valid(self) -> bool: ...

    def translate_validation(errors: Any) -> Exception: ...

    class FilterBackend(BaseFilterBackend):
        pass

else:
    from django_filters.rest_framework import CharFilter, ChoiceFilter
    from django_filters.rest_framework import DjangoFilterBackend as FilterBackend
    from django_filters.rest_framework import FilterSet as Filters
    from django_filters.utils import translate_validation

__all__ = ["Absent", "Equal", "FilterBackend", "Filters", "Matching", "OneOf", "translate_validation"]
WORDS = ("true", "false")


class Equal(CharFilter):
    """`Equal("principal__subject", "its subject")`: exactly this text."""

    def __init__(self, column: str, note: str = "", *, longest: int = 512) -> None:
        super().__init__(field_name=column, max_length=longest, strip=False, help_text=note)


class Matching(CharFilter):
    """Text of one form; what the form is for, the set of filters says."""

    def __init__(self, column: str, pattern: str, note: str = "") -> None:
        super().__init__(field_name=column, validators=[RegexValidator(rf"\A({pattern})\Z")], help_text=note)
        extend_schema_field({"type": "string", "pattern": f"^({pattern})$"})(cast("Any", self))


class OneOf(ChoiceFilter):
    """Exactly one of these words."""

    def __init__(self, column: str, words: Sequence[str], note: str = "") -> None:
        super().__init__(field_name=column, choices=[(str(word), str(word)) for word in words], help_text=note)


@extend_schema_field({"type": "string", "enum": list(WORDS)})
class Absent(OneOf):
    """`true` where the column is null, `false` where it holds something."""

    def __init__(self, column: str, note: str = "") -> None:
        super().__init__(column, WORDS, note)

    def filter(self, qs: QuerySet[Any], value: str | None) -> QuerySet[Any]:
        """Nothing given is nothing filtered."""
        return qs.filter(**{f"{self.field_name}__isnull": value == "true"}) if value else qs
