"""Words with a colour that several pages of this app show."""

from controlplane.common.admin import badge
from controlplane.inventory.models import LEVEL_NAMES

RISK_TONES = {"LOW": "quiet", "MEDIUM": "quiet", "HIGH": "person", "CRITICAL": "bad"}
STATE_TONES = {"reviewed": "good", "unreviewed": "person", "changed": "bad", "quarantined": "bad"}
LEVEL_TONES = dict(zip(LEVEL_NAMES, ("good", "good", "person", "bad"), strict=True))


def trust_badge(name: str) -> str:
    """A trust level."""
    return badge(name, LEVEL_TONES.get(name, "quiet"))
