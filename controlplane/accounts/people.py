"""Who stands behind the name of an actor: two names may be one person."""

from controlplane.accounts.models import ApiToken


def people_behind(name: str) -> set[str]:
    """Of a token, whoever made one of that name besides."""
    made = ApiToken.objects.filter(name=name.removeprefix("token:")).values_list("created_by", flat=True)
    return {name, *made} if name.startswith("token:") else {name}
