"""Who acts in tests. Both may do everything; tests of rights make their own actors."""

from controlplane.common.actor import Actor, Right

ADA = Actor("ada", frozenset(Right))
GRACE = Actor("grace", frozenset(Right))
